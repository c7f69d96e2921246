"""What must hold, read from the ledger and the rows: never from what a page answered.

Events are read in the order in which they were written, and judged once; rows are kept as they were last seen, so
that a purge takes nothing away from what is known. Each breach names its invariant.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select

from sidecar.login.limits import DAY_S, HOUR_S, BackOff
from sidecar.login.not_me import MUTE_S
from sidecar.model.email import parse_email
from sidecar.model.events import Event
from sidecar.settings import Limits
from sidecar.store.tables import addresses, auth_codes, challenges, devices, events, messages, metadata
from tests.invariants.world import World
from tests.store.test_dump import spellings

_KEPT = (challenges, auth_codes, messages, addresses, devices)
#: What a challenge is and stays; the rest of its row only ever moves one way.
_FIXED = (
    "realm",
    "connection",
    "address",
    "destination",
    "browser_mac",
    "key_id",
    "seed",
    "request",
    "expires_at",
)
_NIST_FAILURES = 100
_TRIES = 5
_WORD = re.compile(rb"[0-9A-Za-z_+/-]+")


class Breach(AssertionError):
    """An invariant does not hold."""


def require(holds: Any, what: str) -> None:
    if not holds:
        raise Breach(what)


class Audit:
    """Reads on from where it stopped; `check` after each step, `close` at the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last_id = 0
        self.rows: dict[str, dict[Any, Any]] = {table.name: {} for table in _KEPT}
        #: Challenges and authorization codes that nothing may come of any more, and why.
        self.ended: dict[str, str] = {}
        self.ended_codes: dict[str, str] = {}
        self._tries: Counter[str] = Counter()
        self._accepted: dict[str, Any] = {}
        self._redeemed: Counter[str] = Counter()
        self._tokens: Counter[str] = Counter()
        self._messages: dict[Any, list[int]] = defaultdict(list)
        self._failures: dict[Any, list[int]] = defaultdict(list)
        self._in_a_row: dict[Any, list[int]] = defaultdict(list)
        self._starts: dict[Any, list[int]] = defaultdict(list)
        self._muted_at: dict[Any, int] = {}
        self._read_letters = 0
        self._silent: set[str] = set()
        self.secrets: dict[str, str] = {}
        self._judges: dict[str, Callable[[Any], None]] = {
            Event.CHALLENGE_STARTED: self._started,
            Event.CHALLENGE_RESENT: self._asked_for,
            Event.CODE_TRIED: self._tried,
            Event.CODE_ACCEPTED: self._was_accepted,
            Event.AUTH_CODE_REDEEMED: self._was_redeemed,
            Event.ADDRESS_MUTED: self._muted,
            Event.ADDRESS_UNMUTED: self._unmuted,
            Event.ADDRESS_UNLOCKED: self._unlocked,
            Event.DEVICE_REMEMBERED: self._remembered,
        }

    # --- Reading

    def check(self) -> list[Any]:
        """Read what is new and judge it; the new events."""
        with self._world.database.read() as connection:
            found = list(
                connection.execute(select(events).where(events.c.id > self._last_id).order_by(events.c.id))
            )
            for table in _KEPT:
                self._take(table, connection.execute(select(table)))
        for event in found:
            self._last_id = event.id
            self._world.seen[
                event.type + (f": {event.detail}" if event.type == "budget_refused" else "")
            ] += 1
            judge = self._judges.get(event.type)
            if judge:
                judge(event)
        for row in self.rows["challenges"].values():
            if row.retired_at is not None:
                self.ended.setdefault(row.id, "retired")
        self._letters()
        return found

    def _letters(self) -> None:
        """Those that are new: none of what was silent before, unless it was silenced just now."""
        for letter in self._world.post.letters[self._read_letters :]:
            row = self.rows["challenges"].get((letter.challenge_id,))
            require(row, "I2: a message of no challenge")
            require(letter.destination == row.destination, "I2: a message to another destination")
            is_silent = row.id in self._silent or (row.is_suppressed and row.id not in self.ended)
            require(not is_silent, "I2: a message of a challenge that sends nothing")
        self._read_letters = len(self._world.post.letters)
        self._silent = {row.id for row in self.rows["challenges"].values() if row.is_suppressed}

    def _take(self, table: Any, found: Iterable[Any]) -> None:
        known = self.rows[table.name]
        for row in found:
            key = tuple(getattr(row, column.name) for column in table.primary_key)
            before = known.get(key)
            known[key] = row
            if before is not None and before != row:
                self._moved_on(table.name, before, row)

    def _moved_on(self, table: str, before: Any, row: Any) -> None:
        if table == "challenges":
            for name in _FIXED:
                require(getattr(before, name) == getattr(row, name), f"a challenge's {name} changed")
            require(row.tries >= before.tries, "I3: a challenge's tries went down")
            require(
                row.is_suppressed >= before.is_suppressed, "I4: a challenge that was silenced speaks again"
            )
        for name in ("used_at", "retired_at"):
            was = getattr(before, name, None)
            require(was is None or getattr(row, name) is not None, f"I4: {name} of {table} was taken back")

    def purged(self) -> None:
        """Old events are gone: SQLite may give their numbers anew, and failures in a row go no further back."""
        kept_since = self._world.clock.at - self._world.settings.retention.events_days * DAY_S * 1000
        for account, times in self._in_a_row.items():
            self._in_a_row[account] = [at for at in times if at >= kept_since]
        with self._world.database.read() as connection:
            self._last_id = connection.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one()

    @contextmanager
    def untouched(self, challenge_id: str, why: str) -> Iterator[None]:
        """No code of this challenge may be looked at meanwhile, nor any other sent or accepted."""
        self.check()
        yield
        mine = {it.type for it in self.check() if it.challenge_id == challenge_id}
        moved = mine & {
            Event.CODE_TRIED,
            Event.CODE_ACCEPTED,
            Event.CHALLENGE_RESENT,
            Event.AUTH_CODE_REDEEMED,
        }
        require(not moved, f"I4: {why}, and yet {sorted(moved)}")

    # --- What ends things without an event of its own

    def void(self, why: str, key_id: str | None = None) -> None:
        """An epoch ended, or a server secret was revoked: what was there at the last `check` is void."""
        for row in self.rows["challenges"].values():
            if key_id in {None, row.key_id} and row.id not in self.ended:
                self.ended[row.id] = why
                self._world.seen[f"{why} with an open challenge"] += 1
        for row in self.rows["auth_codes"].values():
            if row.code_mac not in self.ended_codes and row.used_at is None:
                self._world.seen[f"{why} with an open authorization code"] += 1
            self.ended_codes.setdefault(row.code_mac, why)

    # --- Judges, one for each kind of event

    def _limits(self, event: Any) -> Limits:
        return self._world.settings.realms[event.realm].connections[event.connection].limits

    def _account(self, event: Any) -> Any:
        return event.realm, event.address, event.device

    def _challenge(self, event: Any) -> Any:
        row = self.rows["challenges"].get((event.challenge_id,))
        require(row is not None, f"{event.type} of no challenge")
        require(
            (row.realm, row.connection, row.address) == (event.realm, event.connection, event.address),
            f"I5: {event.type} names another realm, connection or address than its challenge",
        )
        return row

    def _started(self, event: Any) -> None:
        row = self._challenge(event)
        for other in self.rows["challenges"].values():
            if (
                other.id != row.id
                and other.browser_mac == row.browser_mac
                and self._is_same(other, row, event.at)
            ):
                self.ended.setdefault(other.id, "replaced")
        muted_at = self._muted_at.get((event.realm, event.address))
        if event.device is None and muted_at is not None and muted_at <= event.at < muted_at + MUTE_S * 1000:
            require(row.is_suppressed, "I2: a stranger's start sends though the address is muted")
        if event.device is None:
            self._starts[event.realm, event.network].append(event.at)
            limit = self._limits(event).starts_per_network_per_hour
            within = _within(self._starts[event.realm, event.network], event.at, HOUR_S)
            require(within <= limit, f"I6: {within} starts of a network within an hour")
        self._asked_for(event)

    def _is_same(self, other: Any, row: Any, at: int) -> bool:
        """Whether this was open for the same address when that happened."""
        return (
            (other.realm, other.address) == (row.realm, row.address)
            and other.created_at <= at < other.expires_at
            and other.id not in self.ended
        )

    def _asked_for(self, event: Any) -> None:
        asked = self._messages[self._account(event)]
        asked.append(event.at)
        limits = self._limits(event)
        hour, day = _within(asked, event.at, HOUR_S), _within(asked, event.at, DAY_S)
        require(hour <= limits.messages_per_hour, f"I6: {hour} messages within an hour")
        require(day <= limits.messages_per_day, f"I6: {day} messages within a day")
        # A silenced one looks open, and nothing is sent for it.
        is_silent = self._challenge(event).is_suppressed
        require(
            is_silent or event.challenge_id not in self.ended, f"I4: sent again though {self._why(event)}"
        )

    def _tried(self, event: Any) -> None:
        row = self._challenge(event)
        self._tries[row.id] += 1
        require(self._tries[row.id] <= min(_TRIES, row.max_tries), "I3: a sixth guess of one challenge")
        require(event.at < row.expires_at, "I4: a guess was evaluated after the end of the code's life")
        # A silenced one looks open, and no code is right.
        is_open = row.is_suppressed or row.id not in self.ended
        require(is_open, f"I4: a guess was evaluated though {self._why(event)}")
        limits, account = self._limits(event), self._account(event)
        self._failures[account].append(event.at)
        within = _within(self._failures[account], event.at, HOUR_S)
        require(within <= limits.failures_per_hour, f"I3: {within} guesses within an hour")
        self._hold_back(event, limits)

    def _hold_back(self, event: Any, limits: Limits) -> None:
        """Beyond so many in a row each one has waited for the one before, longer each time."""
        in_a_row = self._in_a_row[self._account(event)]
        rule = BackOff(
            name="",
            counts=(),
            cleared_by=(),
            limit=min(_NIST_FAILURES, limits.failures_in_a_row),
            first_s=HOUR_S,
            longest_s=DAY_S,
        )
        wait_s = rule.wait_s(len(in_a_row))
        if wait_s and event.device is None:
            self._world.seen["a guess after a back-off"] += 1
            require(
                event.at - in_a_row[-1] >= wait_s * 1000,
                f"I3: guess {len(in_a_row) + 1} in a row did not wait",
            )
        in_a_row.append(event.at)

    def _was_accepted(self, event: Any) -> None:
        row = self._challenge(event)
        require(row.id not in self._accepted, "I1: a second success of one challenge")
        require(row.id not in self.ended, f"I4: a success though {self._why(event)}")
        require(event.at < row.expires_at, "I4: a success after the end of the code's life")
        require(self._tries[row.id], "I3: a success without an evaluated guess")
        require(row.used_at == event.at, "I1: a success that did not use its challenge up")
        require(not row.is_suppressed, "I2: a success of a challenge that sends nothing")
        destinations = {it.destination for it in self._world.post.letters if it.challenge_id == row.id}
        require(destinations == {row.destination}, "I2: a success without a message to just its destination")
        stored = self.rows["addresses"].get((row.realm, row.connection, row.address))
        require(stored, "I8: a success without a stored address")
        require(
            stored.destination == row.destination,
            "I2: a success by a message to another than the stored address",
        )
        self._granted(row)
        self._accepted[row.id] = event
        for account in (self._account(event),):
            self._failures[account].clear()
            self._in_a_row[account].clear()
        for other in self.rows["challenges"].values():
            if other.id != row.id and self._is_same(other, row, event.at):
                self.ended[other.id] = "another of the address succeeded"
        self.ended[row.id] = "it was used"

    def _granted(self, row: Any) -> None:
        """The success bought one authorization code, for just what was asked for."""
        granted = [it for it in self.rows["auth_codes"].values() if it.challenge_id == row.id]
        require(len(granted) == 1, f"I1: {len(granted)} authorization codes of one challenge")
        asked = json.loads(row.request)
        for name in ("client_id", "redirect_uri", "code_challenge", "nonce"):
            require(getattr(granted[0], name) == asked[name], f"I5: an authorization code of another {name}")
        for name in ("realm", "connection", "address"):
            require(
                getattr(granted[0], name) == getattr(row, name),
                f"I5: an authorization code of another {name}",
            )

    def _remembered(self, event: Any) -> None:
        row = self._challenge(event)
        macs = {it.browser_mac for it in self.rows["devices"].values() if it.address == row.address}
        known = {
            ring.mac("browser", it.encode()) for it in self.cookies for ring in (self._world.parts.keys,)
        }
        if row.browser_mac in known:
            require(row.browser_mac in macs, "I4: another browser's success than the one that asked")

    @property
    def cookies(self) -> list[str]:
        return [secret for secret, kind in self.secrets.items() if kind == "cookie"]

    def _was_redeemed(self, event: Any) -> None:
        row = next(it for it in self.rows["auth_codes"].values() if it.challenge_id == event.challenge_id)
        self._redeemed[row.challenge_id] += 1
        require(self._redeemed[row.challenge_id] == 1, "I1: an authorization code was redeemed twice")
        require(row.challenge_id in self._accepted, "I5: redeemed without a success")
        require(event.at < row.expires_at, "I4: redeemed after its life")
        require(row.code_mac not in self.ended_codes, "I4: redeemed though it was void")
        require((row.realm, row.connection) == (event.realm, event.connection), "I5: redeemed elsewhere")

    def _muted(self, event: Any) -> None:
        self.ended.setdefault(event.challenge_id, "the owner denied it")
        for row in self.rows["auth_codes"].values():
            if row.challenge_id == event.challenge_id:
                self.ended_codes.setdefault(row.code_mac, "the owner denied it")
        self._muted_at[event.realm, event.address] = event.at

    def _unmuted(self, event: Any) -> None:
        self._muted_at.pop((event.realm, event.address), None)

    def _unlocked(self, event: Any) -> None:
        for budget in (self._messages, self._failures, self._in_a_row):
            budget[event.realm, event.address, None].clear()

    def _why(self, event: Any) -> str:
        return self.ended.get(event.challenge_id, "")

    # --- Tokens

    def token(self, claims: dict[str, Any], realm: str, connection: str) -> None:
        """An ID token that was handed out: I5 and I8."""
        self.check()
        rows = [it for it in self.rows["auth_codes"].values() if it.nonce == claims["nonce"]]
        require(len(rows) == 1, f"I5: a token's nonce stands in {len(rows)} authorization codes")
        row = rows[0]
        success = self._accepted.get(row.challenge_id)
        self._tokens[row.challenge_id] += 1
        require(self._tokens[row.challenge_id] == 1, "I5: a second token of one success")
        require(success is not None and self._redeemed[row.challenge_id], "I5: a token without its success")
        issuer = self._world.settings.issuer(success.realm, success.connection)
        require(
            (realm, connection, claims["iss"]) == (success.realm, success.connection, issuer),
            "I5: a token of another realm or connection",
        )
        require(
            (claims["aud"], claims["sub"]) == (row.client_id, row.subject_id),
            "I5: a token of another subject",
        )
        if claims["email_verified"]:
            require(
                claims["email"] == success.address, "I8: an address is called verified that was not proven"
            )

    # --- At the end

    def close(self) -> None:
        """What needs all rows at once: I7 and I9."""
        self.check()
        self._addresses()
        dumped, log = self._dump(), self._world.log.getvalue().encode()
        words = set(_WORD.findall(dumped)) | set(_WORD.findall(log))
        for secret, kind in self.secrets.items():
            for name, spelling in spellings(secret).items():
                told = spelling in dumped if name.endswith("raw") and name != "raw" else spelling in words
                require(not told, f"I7: a {kind} is kept or logged ({name})")

    def _addresses(self) -> None:
        folded: dict[Any, str] = {}
        for row in self.rows["addresses"].values():
            for spelling in (row.address, row.destination):
                require(
                    parse_email(spelling).canonical == row.address, "I9: a stored address is not its own form"
                )
            key = row.realm, row.connection, row.destination.lower()
            require(folded.setdefault(key, row.address) == row.address, "I9: one address is stored as two")
        holders = Counter((it.realm, it.connection, it.subject_id) for it in self.rows["addresses"].values())
        require(all(count == 1 for count in holders.values()), "I9: two addresses have become one subject")

    def _dump(self) -> bytes:
        found: list[bytes] = []
        with self._world.database.read() as connection:
            for table in metadata.sorted_tables:
                for row in connection.execute(select(table)):
                    found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
        return b"\n".join(found)


def _within(times: list[int], at: int, window_s: int) -> int:
    return sum(time > at - window_s * 1000 for time in times)
