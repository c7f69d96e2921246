"""Count a try, then spend: two transactions, in this order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Update,
    bindparam,
    case,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningUpdate

from sidecar.errors import ChallengeRefused
from sidecar.login.limits import Rule
from sidecar.model.address import is_number
from sidecar.model.challenge import Challenge, Purpose
from sidecar.model.events import TEST_ADDRESS, Event
from sidecar.model.proof import NewGrant
from sidecar.store import ledger
from sidecar.store.engine import Database
from sidecar.store.prepared import Prepared, Statement, inserting, prefixed
from sidecar.store.pumping import converting
from sidecar.store.rows import (
    COLUMNS,
    challenge_from,
    is_address,
    is_open,
    is_open_of_address,
    is_theirs,
    of_address,
    theirs,
)
from sidecar.store.tables import addresses, auth_codes, challenges, devices, subjects, tickets

_NOW = bindparam("now", type_=BigInteger)


def subject_id(_now: ColumnElement[int]) -> ColumnElement[str]:
    """The subject that the address stands for."""
    return of_address(addresses.c.subject_id)


def proven_at(_now: ColumnElement[int]) -> ColumnElement[int]:
    """When the address was last proven; of mail addresses: first."""
    return of_address(addresses.c.proven_at)


class SqlVerification:
    """`login.ports.Verification` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_try(
        self, challenge: Challenge, browser_macs: Sequence[str], *, network: str, rules: Sequence[Rule]
    ) -> Challenge:
        who = _who(challenge, browser_macs, network)
        with ledger.held(self._database, who, rules, is_try=True) as held:
            values = {
                **theirs(challenge.id, browser_macs),
                "now": held.now,
                **ledger.appended(Event.CODE_TRIED, held.subject, at=held.now, challenge_id=challenge.id),
            }
            row = self._counting(len(browser_macs)).one_or_none(held.connection, values)
            if row is None:
                raise ChallengeRefused(tries_left=0)
        return challenge_from(row, read_at=held.now)

    def _counting(self, count: int) -> Prepared:
        return self._database.prepared(
            (SqlVerification.count_try, count), lambda: _counting(count), ledger.appending
        )

    def note_wrong(self, challenge: Challenge, browser_macs: Sequence[str], *, network: str) -> None:
        who = _who(challenge, browser_macs, network)
        with ledger.held(self._database, who) as held:
            ledger.record(
                held.connection, Event.CODE_WRONG, held.subject, at=held.now, challenge_id=challenge.id
            )

    def subject_of(self, challenge: Challenge) -> str | None:
        key = {"of_realm": challenge.realm, "of_connection": challenge.connection}
        with self._database.read() as connection:
            found = connection.execute(
                select(addresses.c.subject_id).where(*is_address()), {**key, "of_address": challenge.address}
            ).scalar_one_or_none()
        return None if found is None else str(found)

    def note(
        self, event: Event, challenge: Challenge, browser_macs: Sequence[str], *, network: str, detail: str
    ) -> None:
        who = _who(challenge, browser_macs, network)
        with ledger.held(self._database, who) as held:
            ledger.record(
                held.connection, event, held.subject, at=held.now, challenge_id=challenge.id, detail=detail
            )

    def spend(
        self, challenge: Challenge, browser_macs: Sequence[str], grant: NewGrant, *, network: str
    ) -> str:
        who = _who(challenge, browser_macs, network)
        # The order of locks is address, then challenge, as in `count_try`; the other way round two could wait for
        # each other.
        with ledger.held(self._database, who, asked=(subject_id, proven_at)) as held:
            its_subject = held.seen.subject_id
            if its_subject is None or _may_be_somebody_elses(held, grant):
                its_subject = self._new_subject(held, challenge, grant.subject_id, instead_of=its_subject)
            values = {
                "challenge": challenge.id,
                "of_realm": challenge.realm,
                "of_connection": challenge.connection,
                "of_address": challenge.address,
                "now": held.now,
                "grace": grant.grace_s * 1000,
                **_granted(challenge, grant, its_subject, held.now),
                **ledger.appended(
                    Event.CODE_ACCEPTED,
                    held.subject,
                    at=held.now,
                    challenge_id=challenge.id,
                    detail="link" if grant.is_by_link else TEST_ADDRESS if grant.is_test else "",
                ),
            }
            is_known = held.subject.device is not None
            is_new = grant.is_remembered and not is_known
            if is_new:
                values |= _remembered(challenge, held, browser_macs[0])
            spending = self._spending(
                is_new=is_new, is_text=is_number(challenge.destination), is_ticket=grant.ticket is not None
            )
            if spending.one_or_none(held.connection, values) is None:
                raise ChallengeRefused(tries_left=0)
        return str(its_subject)

    def _spending(self, *, is_new: bool, is_text: bool, is_ticket: bool) -> Prepared:
        """Spend it first; all else that a success writes is undone where that finds nothing to spend.

        One success ends every other open challenge of the address: their codes are of no more use to anyone.
        """
        always: list[Callable[[], Statement]] = [
            lambda: _spending(self._database.clock.now()),
            _ending_others,
            lambda: inserting(tickets, "ticket") if is_ticket else inserting(auth_codes, "code"),
        ]
        event: list[Callable[[], Statement]] = [ledger.appending]
        event_and_device: list[Callable[[], Statement]] = [
            lambda: ledger.appending("event", "remembered"),
            lambda: inserting(devices, "device"),
        ]
        return self._database.prepared(
            (SqlVerification.spend, is_new, is_text, is_ticket),
            *always,
            *(event_and_device if is_new else event),
            *((converting, _proving) if is_text else ()),
        )

    def _new_subject(
        self, held: ledger.Held, challenge: Challenge, new_subject_id: str, *, instead_of: str | None
    ) -> str:
        """The subject of an address that has none, or `instead_of` the one it had.

        Two first logins at once agree on one, for the unique key lets one in.
        """
        key = {"realm": challenge.realm, "connection": challenge.connection, "address": challenge.address}
        held.connection.execute(
            insert(subjects).values(
                id=new_subject_id,
                realm=challenge.realm,
                connection=challenge.connection,
                created_at=held.now,
            )
        )
        dialect = postgresql if self._database.is_postgresql else sqlite
        agreed = held.connection.execute(
            dialect.insert(addresses)
            .values(**key, destination=challenge.destination, subject_id=new_subject_id, proven_at=held.now)
            .on_conflict_do_update(
                index_elements=list(key),
                set_={
                    "proven_at": held.now,
                    "subject_id": case(
                        (addresses.c.subject_id == instead_of, new_subject_id), else_=addresses.c.subject_id
                    ),
                },
            )
            .returning(addresses.c.subject_id)
        ).scalar_one()
        ledger.record(
            held.connection,
            Event.SUBJECT_CREATED,
            held.subject,
            at=held.now,
            challenge_id=challenge.id,
            detail=f"{agreed} instead of {instead_of}" if instead_of else str(agreed),
        )
        return str(agreed)


def _who(challenge: Challenge, browser_macs: Sequence[str], network: str) -> ledger.Who:
    return ledger.Who(
        challenge.realm,
        challenge.connection,
        challenge.address,
        network,
        browser_macs,
        client=challenge.request.api_client,
    )


def _may_be_somebody_elses(held: ledger.Held, grant: NewGrant) -> bool:
    """Whether the address was silent for so long that only a browser it knows tells its owner from the next one."""
    if grant.idle_s is None or held.subject.device is not None:
        return False
    return bool(held.seen.proven_at <= held.now - grant.idle_s * 1000)


def _granted(challenge: Challenge, grant: NewGrant, its_subject: str, now: int) -> dict[str, Any]:
    if grant.ticket is None:
        return prefixed("code", _auth_code(challenge, grant, its_subject, now))
    ticket = {
        "ticket_mac": grant.ticket.mac,
        "challenge_id": challenge.id,
        "realm": challenge.realm,
        "connection": challenge.connection,
        "application": grant.ticket.application,
        "browser_mac": grant.ticket.browser_mac,
        "subject_id": its_subject,
        "address": challenge.address,
        "amr": json.dumps(grant.amr),
        "withheld": " ".join(sorted(grant.withheld)),
        "auth_time": now,
        "expires_at": now + grant.ticket.lifetime_s * 1000,
        "used_at": None,
    }
    return prefixed("ticket", ticket)


def _auth_code(challenge: Challenge, grant: NewGrant, its_subject: str, now: int) -> dict[str, Any]:
    return {
        "code_mac": grant.auth_code_mac,
        "challenge_id": challenge.id,
        "realm": challenge.realm,
        "connection": challenge.connection,
        "client_id": challenge.request.client_id,
        "redirect_uri": challenge.request.redirect_uri,
        "code_challenge": challenge.request.code_challenge,
        "nonce": challenge.request.nonce,
        "subject_id": its_subject,
        "address": challenge.address,
        "amr": json.dumps(grant.amr),
        "withheld": " ".join(sorted(grant.withheld)),
        "auth_time": now,
        "expires_at": now + grant.lifetime_s * 1000,
        "used_at": None,
        "is_held": False,
    }


def _remembered(challenge: Challenge, held: ledger.Held, mac: str) -> dict[str, Any]:
    """Know the browser from now on; by its MAC under the newest key, so that it outlives a rotation."""
    device = {
        "realm": challenge.realm,
        "address": challenge.address,
        "browser_mac": mac,
        "remembered_at": held.now,
    }
    return {
        **prefixed("device", device),
        **ledger.appended(
            Event.DEVICE_REMEMBERED,
            held.subject,
            at=held.now,
            challenge_id=challenge.id,
            prefix="remembered",
        ),
    }


def _proving() -> Update:
    """The number was proven now."""
    return update(addresses).where(*is_address()).values(proven_at=_NOW)


def _ending_others() -> Update:
    return (
        update(challenges)
        .where(
            challenges.c.realm == bindparam("of_realm"),
            challenges.c.address == bindparam("of_address"),
            # Not the one that is spent: PostgreSQL writes a row once in a statement.
            challenges.c.id != bindparam("challenge"),
            *is_open_of_address(_NOW),
        )
        # Not retired: whoever started one would see that the address's owner is here.
        .values(is_suppressed=True, is_unknown=False)
    )


def _counting(count: int) -> ReturningUpdate[*tuple[Any, ...]]:
    return (
        update(challenges)
        .where(*is_theirs(count), *is_open(_NOW))
        .values(tries=challenges.c.tries + 1)
        .returning(*COLUMNS)
    )


def _spending(now: ColumnElement[int]) -> ReturningUpdate[*tuple[Any, ...]]:
    return (
        update(challenges)
        .where(
            challenges.c.id == bindparam("challenge"),
            challenges.c.used_at.is_(None),
            challenges.c.retired_at.is_(None),
            challenges.c.is_suppressed.is_(False),
            challenges.c.expires_at > now - bindparam("grace", type_=BigInteger),
            # A code that adds an address signs nobody in.
            challenges.c.purpose == literal_column(f"'{Purpose.LOGIN}'"),
        )
        .values(used_at=now)
        .returning(challenges.c.used_at)
    )
