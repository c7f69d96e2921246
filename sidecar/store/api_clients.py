"""The applications that may call the API, as `passwordless clients` wrote them down."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from sidecar.model.client import ApiClient
from sidecar.store.engine import Database
from sidecar.store.tables import api_clients


class SqlClients:
    """`login.ports.Clients` over SQL, and what the command writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, realm: str, client_id: str) -> ApiClient | None:
        asked = select(*api_clients.c).where(
            api_clients.c.realm == realm, api_clients.c.client_id == client_id
        )
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        return _client(row) if row else None

    def allows(self, realm: str, origin: str) -> bool:
        return any(origin in client.origins for client in self.of(realm))

    def of(self, realm: str) -> list[ApiClient]:
        """All of a realm, by name."""
        asked = select(*api_clients.c).where(api_clients.c.realm == realm).order_by(api_clients.c.client_id)
        with self._database.read() as connection:
            return [_client(row) for row in connection.execute(asked)]

    def enable(self, client: ApiClient) -> None:
        """Switch one on, or change it."""
        values = {
            "realm": client.realm,
            "client_id": client.client_id,
            "application": client.application,
            "is_public": client.is_public,
            "origins": json.dumps(client.origins),
            "enabled_at": self._database.clock.now(),
        }
        dialect = postgresql if self._database.is_postgresql else sqlite
        changed = {name: value for name, value in values.items() if name not in {"realm", "client_id"}}
        with self._database.write() as connection:
            connection.execute(
                dialect.insert(api_clients)
                .values(**values)
                .on_conflict_do_update(index_elements=["realm", "client_id"], set_=changed)
            )

    def disable(self, realm: str, client_id: str) -> bool:
        """Switch one off at once; whether it was on."""
        gone = delete(api_clients).where(api_clients.c.realm == realm, api_clients.c.client_id == client_id)
        with self._database.write() as connection:
            return bool(connection.execute(gone).rowcount)


def _client(row: Any) -> ApiClient:
    return ApiClient(
        realm=row.realm,
        client_id=row.client_id,
        application=row.application,
        is_public=row.is_public,
        origins=tuple(json.loads(row.origins)),
    )
