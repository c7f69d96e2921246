"""The deployment for this folder, started once, and each SDK's program, started where a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sdks.house import House, house


@pytest.fixture(scope="session")
def deployed(
    keycloak_url: str, keycloak_admin: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("sdks")
    with house(folder, keycloak_url=keycloak_url, keycloak_admin=keycloak_admin) as running:
        yield running
    print((folder / "sidecar.log").read_text()[-3000:])
