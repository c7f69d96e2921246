"""The admin side: what the commands show and do, for whoever has a token of the realm with a role of ours."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from flask import g, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from werkzeug.exceptions import NotFound

from sidecar.api import admin_schemas as schemas
from sidecar.api.admin_ports import AdminRoom
from sidecar.api.cursors import Cursors, Fetch
from sidecar.api.describing import operation, path
from sidecar.errors import ConfirmationRefused, NotPermitted, TokenRefused, UsersRefused
from sidecar.login.addressing import helped, spelled
from sidecar.login.limits import for_account
from sidecar.login.not_me import MUTE_S
from sidecar.model.admin import KnownAddress, RealmAdmin
from sidecar.model.signing import StoredKey
from sidecar.model.timeline import Happened, Sent
from sidecar.settings import Realm
from sidecar.users.merging import MergePlan

_Given = Mapping[str, Any]
_Item = TypeVar("_Item")
_BEARER: list[dict[str, list[str]]] = [{"admin": []}]
#: It changes nothing; it takes two users, whose addresses are better not in a URL.
_PLANNING = "admin.planMerges"


class _Route(NamedTuple):
    method: str
    name: str
    summary: str
    answer: type[Schema]
    act: Callable[[str, _Given], Any]
    given: type[Schema] | None = None

    @property
    def operation(self) -> str:
        """As the document calls it: `listKeys`, `rotateKeys`."""
        first, _, second = self.name.partition("/")
        return f"{second or ('list' if self.method == 'GET' else 'carryOut')}{first.capitalize()}"


class Admin:
    """Before each call: where the realm has it off, there is nothing; then the token, then what its roles allow."""

    def __init__(self, room: AdminRoom) -> None:
        self._room = room

    def install(self, bp: Blueprint) -> None:
        bp.before_request(self._admit)
        for route in self._routes():
            _put(bp, route)

    def _routes(self) -> Iterator[_Route]:
        yield _Route("GET", "connections", "List the connections.", schemas.Connections, self.connections)
        yield _Route(
            "GET",
            "identities",
            "List proven addresses, or look one up.",
            schemas.Identities,
            self.identities,
            schemas.OfIdentity,
        )
        yield _Route(
            "GET", "links", "List a user's identities in Keycloak.", schemas.Links, self.links, schemas.OfUser
        )
        yield _Route(
            "GET",
            "messages",
            "List messages, and what became of each.",
            schemas.Messages,
            self.messages,
            schemas.OfAddress,
        )
        yield _Route("GET", "events", "List what happened.", schemas.Events, self.events, schemas.OfAddress)
        yield _Route(
            "GET",
            "mutes",
            "List addresses that are muted by their reader.",
            schemas.Mutes,
            self.mutes,
            schemas.Page,
        )
        yield _Route(
            "GET",
            "locks",
            "List addresses that a limit holds up.",
            schemas.Locks,
            self.locks,
            schemas.OfAddress,
        )
        yield _Route("GET", "keys", "List the signing keys that are published.", schemas.Keys, self.keys)
        yield _Route(
            "POST",
            "merges/plan",
            "Show what a merge would do, conflicts too.",
            schemas.MergePlan,
            self.plan_merge,
            schemas.Users,
        )
        yield _Route(
            "POST",
            "merges",
            "Merge one user into another, as its plan said.",
            schemas.MergePlan,
            self.merge,
            schemas.Confirmed,
        )
        yield _Route("POST", "mutes/lift", "Take a mute back.", schemas.Done, self.lift_mute, schemas.Address)
        yield _Route(
            "POST",
            "locks/lift",
            "Give strangers' browsers fresh limits.",
            schemas.Done,
            self.lift_lock,
            schemas.Address,
        )
        yield _Route(
            "POST",
            "keys/rotate",
            "Publish the next signing key.",
            schemas.Key,
            self.rotate_key,
            schemas.Rotation,
        )

    def connections(self, realm: str, _: _Given) -> Any:
        stops = self._room.stops
        return {
            "items": [
                {
                    "id": it.id,
                    "strategy": it.strategy,
                    "method": it.method,
                    "digits": it.digits,
                    "lifetime_s": it.lifetime_s,
                    "signup": it.signup,
                    "linking": it.linking,
                    "stopped": stops.is_stopped(realm, it.id),
                }
                for it in sorted(self._of(realm).connections.values(), key=lambda it: it.id)
            ]
        }

    def identities(self, realm: str, query: _Given) -> Any:
        address, subject = self._canonical(realm, query["address"]), query["subject"]
        items, following = self._page(
            query,
            of=("identities", realm, address, subject),
            fetch=partial(self._room.lists.addresses, realm, address=address, subject_id=subject),
            key=lambda it: (it.connection, it.address),
        )
        return {"items": [_identity(it) for it in items], "next": following}

    def links(self, realm: str, query: _Given) -> Any:
        merging = self._room.merging
        user_id = merging.named(realm, query["user"])
        items = [
            {
                "provider": it.alias,
                "subject": it.subject_id,
                "name": it.name,
                "addresses": list(merging.merges.addresses(realm, it.alias, it.subject_id)),
            }
            for it in merging.profiles(realm).identities(user_id)
        ]
        return {"user": user_id, "items": sorted(items, key=lambda it: str(it["provider"]))}

    def messages(self, realm: str, query: _Given) -> Any:
        address = self._canonical(realm, query["address"])
        items, following = self._page(
            query,
            of=("messages", realm, address),
            fetch=partial(self._room.lists.messages, realm, address=address),
            key=lambda it: (it[1].created_at, it[0]),
        )
        return {"items": [_message(sent) for _, sent in items], "next": following}

    def events(self, realm: str, query: _Given) -> Any:
        address = self._canonical(realm, query["address"])
        items, following = self._page(
            query,
            of=("events", realm, address),
            fetch=partial(self._room.lists.events, realm, address=address),
            key=lambda it: (it.number,),
        )
        return {"items": [_event(it) for it in items], "next": following}

    def mutes(self, realm: str, query: _Given) -> Any:
        items, following = self._page(
            query,
            of=("mutes", realm),
            fetch=partial(self._room.lists.mutes, realm, mute_s=MUTE_S),
            key=lambda it: (it.address,),
        )
        muted = [{**asdict(it), "muted_at": _time(it.muted_at), "ends_at": _time(it.ends_at)} for it in items]
        return {"items": muted, "next": following}

    def locks(self, realm: str, query: _Given) -> Any:
        """Those that were used much are held against the limits themselves, as the next start or try would be."""
        if query["address"]:
            # A list of one has no next page, so whatever cursor there is was not given for it, and is refused.
            self._cursors("locks", realm, query["address"]).read(query["cursor"])
            connection, address = helped(self._of(realm), query["address"])
            return {"items": self._held(realm, [(connection, address)]), "next": None}
        limits = [it.limits for it in self._of(realm).connections.values()]
        at_least = min(min(it.failures_per_hour, it.messages_per_hour) for it in limits)
        items, following = self._page(
            query,
            of=("locks", realm, ""),
            fetch=partial(self._room.lists.busy, realm, at_least=at_least),
            key=lambda it: (it[1],),
        )
        return {"items": self._held(realm, items), "next": following}

    def keys(self, realm: str, _: _Given) -> Any:
        return {"items": [_key(it) for it in self._room.keys.keys(realm)]}

    def plan_merge(self, realm: str, body: _Given) -> Any:
        return self._shown(self._plan(realm, body))

    def merge(self, realm: str, body: _Given) -> Any:
        plan = self._plan(realm, body)
        if plan.refusals:
            raise UsersRefused(" ".join(plan.refusals))
        # The plan that was shown, and not one that has become another since.
        if not any(
            hmac.compare_digest(it, body["confirmation"].encode()) for it in self._confirmations(plan)
        ):
            raise ConfirmationRefused
        self._room.merging.carry_out(plan, by=_admin().name)
        return self._shown(self._plan(realm, {"into": plan.into.id, "from_": plan.from_.id}))

    def lift_mute(self, realm: str, body: _Given) -> Any:
        connection, address = helped(self._of(realm), body["address"])
        self._room.help.unmute(realm, connection, address, by=_admin().name)
        return {"connection": connection, "address": address}

    def lift_lock(self, realm: str, body: _Given) -> Any:
        connection, address = helped(self._of(realm), body["address"])
        self._room.help.unlock(realm, connection, address, by=_admin().name)
        return {"connection": connection, "address": address}

    def rotate_key(self, realm: str, body: _Given) -> Any:
        return _key(self._room.keys.rotate(realm, after_s=body["after_s"], by=_admin().name))

    def _admit(self) -> None:
        realm = (request.view_args or {}).get("realm", "")
        said = self._room.login.settings.realms.get(realm)
        if said is None or not said.admin_api:
            raise NotFound
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("there is none")
        admin = self._room.tokens.check(realm, token.strip())
        is_looking = request.method == "GET" or request.endpoint == _PLANNING
        if not (admin.may_view if is_looking else admin.may_manage):
            raise NotPermitted
        g.realm_admin = admin

    def _of(self, realm: str) -> Realm:
        return self._room.login.settings.realms[realm]

    def _canonical(self, realm: str, raw: str) -> str:
        return spelled(self._of(realm), raw).canonical if raw else ""

    def _cursors(self, *of: str) -> Cursors:
        return Cursors(keys=self._room.login.keys, of=of)

    def _page(
        self, query: _Given, *, of: Sequence[str], fetch: Fetch[_Item], key: Callable[[_Item], Sequence[Any]]
    ) -> tuple[Sequence[_Item], str | None]:
        return self._cursors(*of).page(query["cursor"], query["limit"], fetch=fetch, key=key)

    def _held(self, realm: str, accounts: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        connections = self._of(realm).connections
        found = [
            self._room.lists.lock(realm, connection, address, for_account(connections[connection].limits))
            for connection, address in accounts
            if connection in connections
        ]
        return [asdict(it) for it in found if it]

    def _plan(self, realm: str, body: _Given) -> MergePlan:
        merging = self._room.merging
        into, from_ = (merging.named(realm, body[name]) for name in ("into", "from_"))
        return merging.plan(realm, into=into, from_=from_)

    def _shown(self, plan: MergePlan) -> dict[str, Any]:
        return {
            "into": plan.into.id,
            "from_": plan.from_.id,
            "moves": [asdict(it) for it in plan.moves],
            "conflicts": [asdict(it) for it in plan.conflicts],
            "credentials": list(plan.credentials),
            "refusals": list(plan.refusals),
            "finished": plan.is_finished,
            "confirmation": None if plan.refusals else self._confirmations(plan)[0].decode(),
        }

    def _confirmations(self, plan: MergePlan) -> list[bytes]:
        """What stands for a plan: another one, of anything else that moves or is lost, has another."""
        said = json.dumps(asdict(plan), sort_keys=True, default=str)
        return [it.encode() for it in self._room.login.keys.macs("merge-plan", said.encode())]


def _put(bp: Blueprint, route: _Route) -> None:
    def view(taken: _Given = MappingProxyType({}), *, realm: str) -> Any:
        return route.act(realm, taken)

    refused = operation(bp, route.operation, 401, 403, 404, 409, security=_BEARER, summary=route.summary)
    answered = bp.response(200, route.answer)(refused(view))
    if route.given is not None:
        where = "query" if route.method == "GET" else "json"
        # Of a query too, what is not known is refused: a filter that is spelled wrongly would be none.
        is_needed = any(field.required for field in route.given().fields.values())
        answered = bp.arguments(route.given, location=where, required=is_needed, unknown=RAISE)(answered)
    rule = f"/realms/<realm>/{route.name}"
    bp.route(rule, methods=[route.method], endpoint=route.operation, parameters=path("realm"))(answered)


def _admin() -> RealmAdmin:
    admin: RealmAdmin = g.realm_admin
    return admin


def _identity(it: KnownAddress) -> dict[str, Any]:
    return {
        "connection": it.connection,
        "address": it.address,
        "subject": it.subject_id,
        "proven_at": _time(it.proven_at),
    }


def _message(it: Sent) -> dict[str, Any]:
    return {
        "at": _time(it.created_at),
        "connection": it.connection,
        "challenge": it.challenge_id,
        "status": it.status,
        "attempts": it.attempts,
        "provider": it.provider,
        "reference": it.reference,
        "reason": it.reason,
        "receipt": it.receipt,
        "receipt_at": None if it.receipt_at is None else _time(it.receipt_at),
    }


def _event(it: Happened) -> dict[str, Any]:
    return {
        "at": _time(it.at),
        "event": it.type,
        "connection": it.connection,
        "challenge": it.challenge_id,
        "network": it.network,
        "browser": None if it.is_known is None else "known" if it.is_known else "new",
        "detail": it.detail,
    }


def _key(it: StoredKey) -> dict[str, Any]:
    return {"kid": it.kid, "state": it.state.value, "signs_from": _time(it.signs_from)}


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
