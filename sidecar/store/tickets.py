"""Spend a ticket: one UPDATE that finds it unused, in time, and held as it must be; an authorization code with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, or_, select, update

from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.events import Event
from sidecar.model.ticket import Holding, Ticket, of_login
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.tables import auth_codes, tickets


class SqlTickets:
    """`login.ports.Tickets` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, ticket_macs: Sequence[str], *, realm: str, connection: str) -> Ticket | None:
        live = select(tickets.c.application, tickets.c.address, tickets.c.browser_mac).where(
            *_of(ticket_macs, realm), tickets.c.connection == connection, *self._is_live()
        )
        with self._database.read() as transaction:
            row = transaction.execute(live).one_or_none()
        if row is None:
            return None
        return Ticket(application=row.application, address=row.address, is_of_client=row.browser_mac is None)

    def note_refused(self, ticket_macs: Sequence[str], *, realm: str) -> None:
        with self._database.write() as transaction:
            self._record(transaction, Event.TICKET_REFUSED, None, ticket_macs, realm=realm)

    def bind(
        self, ticket_macs: Sequence[str], *, realm: str, application: str, browser_macs: Sequence[str]
    ) -> str | None:
        binding = (
            update(tickets)
            .where(
                *_of(ticket_macs, realm),
                tickets.c.application == application,
                or_(tickets.c.browser_mac.is_(None), tickets.c.browser_mac.in_(browser_macs)),
                *self._is_live(),
            )
            .values(browser_mac=browser_macs[0])
            .returning(*tickets.c)
        )
        with self._database.write() as transaction:
            row = transaction.execute(binding).one_or_none()
            self._record(transaction, Event.TICKET_BOUND, row, ticket_macs, realm=realm)
        return str(row.connection) if row else None

    def exchange(
        self,
        ticket_macs: Sequence[str],
        request: AuthorizationRequest,
        *,
        realm: str,
        connection: str,
        holding: Holding,
        browser_macs: Sequence[str],
        auth_code_mac: str,
        lifetime_s: int,
    ) -> bool:
        now = self._database.clock.now()
        spending = (
            update(tickets)
            .where(
                *_of(ticket_macs, realm),
                tickets.c.connection == connection,
                _is_for(request, holding),
                _is_held(holding, browser_macs),
                *self._is_live(),
            )
            .values(used_at=now)
            .returning(*tickets.c)
        )
        with self._database.write() as transaction:
            row = transaction.execute(spending).one_or_none()
            if row is not None:
                transaction.execute(insert(auth_codes).values(_code(row, request, auth_code_mac, lifetime_s)))
            self._record(
                transaction,
                Event.TICKET_EXCHANGED,
                row,
                ticket_macs,
                realm=realm,
                detail=holding.value,
            )
        return row is not None

    def _is_live(self) -> tuple[ColumnElement[bool], ...]:
        return tickets.c.used_at.is_(None), tickets.c.expires_at > self._database.clock.now()

    def _record(
        self,
        transaction: Connection,
        event: Event,
        row: Any,
        ticket_macs: Sequence[str],
        *,
        realm: str,
        detail: str = "",
    ) -> None:
        """The event, or the refusal with its reason; of one that never was there is nothing to say."""
        now = self._database.clock.now()
        found = (
            row
            or transaction.execute(
                select(*tickets.c, (tickets.c.expires_at > now).label("is_in_time")).where(
                    tickets.c.ticket_mac.in_(ticket_macs)
                )
            ).one_or_none()
        )
        if found is None:
            return
        ledger.record(
            transaction,
            event if row else Event.TICKET_REFUSED,
            ledger.Subject(realm, found.connection, found.address),
            at=now,
            challenge_id=found.challenge_id,
            detail=detail if row else _why_not(found),
        )


def _of(ticket_macs: Sequence[str], realm: str) -> tuple[ColumnElement[bool], ...]:
    return tickets.c.ticket_mac.in_(ticket_macs), tickets.c.realm == realm


def _is_for(request: AuthorizationRequest, holding: Holding) -> ColumnElement[bool]:
    """For its application; one of a login at Keycloak for that login, and never on a person's word."""
    of_application = tickets.c.application == request.application
    if holding is Holding.BROWSER and request.login:
        return or_(of_application, tickets.c.application == of_login(request.login))
    return of_application


def _is_held(holding: Holding, browser_macs: Sequence[str]) -> ColumnElement[bool]:
    if holding is Holding.BROWSER:
        return tickets.c.browser_mac.in_(browser_macs)
    if holding is Holding.CONFIRMED:
        return tickets.c.browser_mac.is_not(None)
    return tickets.c.browser_mac.is_(None)


def _why_not(found: Any) -> str:
    if found.used_at is not None:
        return "used"
    return "held otherwise" if found.is_in_time else "expired"


def _code(row: Any, request: AuthorizationRequest, auth_code_mac: str, lifetime_s: int) -> dict[str, Any]:
    return {
        "code_mac": auth_code_mac,
        "challenge_id": row.challenge_id,
        "realm": row.realm,
        "connection": row.connection,
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "code_challenge": request.code_challenge,
        "nonce": request.nonce,
        "subject_id": row.subject_id,
        "address": row.address,
        "amr": row.amr,
        "withheld": row.withheld,
        "auth_time": row.auth_time,
        "expires_at": row.used_at + lifetime_s * 1000,
        "used_at": None,
    }
