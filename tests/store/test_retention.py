"""What is over goes after its days, in small batches; what is live or counted stays."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from sqlalchemy import event

from sidecar.errors import ChallengeNotFound
from sidecar.login.verify import verify
from sidecar.model.challenge import DeliveryStatus
from sidecar.model.signing import OVERLAP_S, RETIRED_S
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.wrapping import Wrapping
from sidecar.settings import Retention
from sidecar.store.doorbell import LocalDoorbell
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.retention import SqlRetention, Sweeping
from sidecar.store.tables import (
    addresses,
    auth_codes,
    challenges,
    events,
    messages,
    signing_keys,
    sms_sends,
    subjects,
)
from tests.flow import at_once, caller, find, right_code, start
from tests.ledger import rows
from tests.stack import wait_until
from tests.texts import BRITISH, number, texting, with_texts
from tests.texts import log_in as log_in_by_text

DAY_S = 86_400
DAYS = Retention(challenges_days=7, messages_days=3, events_days=90)


def retention(parts, batch: int = 500) -> SqlRetention:
    return SqlRetention(parts.database, DAYS, batch=batch)


def log_in(parts, name: str = "ada") -> None:
    challenge = start(parts, f"{name}@example.org", by=caller(name))
    verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=caller(name),
    )


@pytest.fixture
def parts(database_url, settings_for, clock):
    with texting(settings_for(database_url, **with_texts()), clock) as built:
        yield built


def note_texts(parts, count: int) -> None:
    for each in range(count):
        log_in_by_text(parts, number(BRITISH, each), caller(f"phone-{each}"))


def counts(parts) -> dict[str, int]:
    tables = (messages, auth_codes, challenges, events, sms_sends)
    return {table.name: len(rows(parts, table)) for table in tables}


def test_nothing_live_is_ever_deleted(parts):
    log_in(parts)
    start(parts, "grace@example.org", by=caller("grace"))
    before = counts(parts)

    assert {0} == set(retention(parts).purge().values())
    assert before == counts(parts)


def test_each_kind_goes_after_its_own_days_and_not_a_day_earlier(parts, clock):
    log_in(parts)
    note_texts(parts, 1)
    before = counts(parts)
    seen = []
    # 600 s: the longest life of a code; so it is over for the days themselves.
    for days in (2, 3, 6, 7, 89, 90):
        clock.shift(seconds=days * DAY_S + 600)
        retention(parts).purge()
        seen.append({name for name, left in counts(parts).items() if left < before[name]})
        clock.shift(seconds=-days * DAY_S - 600)

    a_week = {"messages", "auth_codes", "challenges"}
    assert [set(), {"messages"}, {"messages"}, a_week, a_week, a_week | {"events", "sms_sends"}] == seen


def test_identities_are_never_deleted(parts, clock):
    log_in(parts)
    clock.shift(seconds=400 * DAY_S)

    retention(parts).purge()

    assert (1, 1) == (len(rows(parts, subjects)), len(rows(parts, addresses)))
    assert {0} == set(counts(parts).values())


def test_a_batch_is_no_larger_than_it_is_said(parts, clock):
    for name in ("ada", "grace", "alan"):
        log_in(parts, name)
    note_texts(parts, 3)
    clock.shift(seconds=100 * DAY_S)

    gone = retention(parts, batch=2).purge_batch()

    twos = dict.fromkeys(("messages", "auth_codes", "challenges", "events", "sms_sends"), 2)
    none = dict.fromkeys(("account_changes", "account_sessions", "idempotency_keys", "tickets"), 0)
    assert {**twos, **none} == gone
    retention(parts, batch=2).purge()
    assert {0} == set(counts(parts).values())


def test_an_old_page_whose_message_was_purged_is_answered(parts, clock):
    """It would have been a 503 otherwise."""
    challenge = start(parts)
    clock.shift(seconds=4 * DAY_S)
    retention(parts).purge()

    assert DeliveryStatus.SENT is parts.room().challenges.find(challenge.id, caller().macs(parts.keys))[1]
    clock.shift(seconds=4 * DAY_S)
    retention(parts).purge()
    with pytest.raises(ChallengeNotFound):
        find(parts, challenge)


def test_several_that_purge_at_once_delete_all_and_do_not_fail(parts, clock):
    for name in ("ada", "grace", "alan", "joan"):
        log_in(parts, name)
    clock.shift(seconds=100 * DAY_S)

    done = at_once(lambda _: retention(parts, batch=1).purge(), 4)
    retention(parts).purge()

    assert [] == [it for it in done if isinstance(it, Exception)]
    assert {0} == set(counts(parts).values())


def test_signing_keys_that_are_over_go_too(parts, clock):
    rotation = Rotation(SqlKeyShelf(parts.database), Wrapping(parts.keys))
    rotation.rotate("acme", after_s=OVERLAP_S)
    clock.shift(seconds=OVERLAP_S + RETIRED_S + 1)

    retention(parts).forget_keys()

    assert 1 == len(rows(parts, signing_keys))


def test_a_worker_purges_while_there_is_nothing_to_send(parts, clock):
    log_in(parts)
    clock.shift(seconds=100 * DAY_S)
    worker, stop = replace(parts.worker(), doorbell=LocalDoorbell()), threading.Event()

    running = threading.Thread(target=worker.run, args=(stop,))
    running.start()
    try:
        wait_until(lambda: not rows(parts, challenges), "the challenge to be purged")
    finally:
        stop.set()
        running.join()


def test_sweeping_rests_when_nothing_is_left(parts, clock, monkeypatch):
    asked = []
    swept = retention(parts)
    monkeypatch.setattr(swept, "purge_batch", lambda: asked.append(1) or {"events": len(asked) < 3})
    sweep = Sweeping(swept)

    for _ in range(10):
        sweep()

    assert 3 == len(asked)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_over_is_found_by_an_index(parts):
    """A clock that is read for each row makes PostgreSQL read them all; of ten million, every ten minutes."""
    found = []

    def explain(_connection, cursor, statement, values, *_):
        if statement.startswith("SELECT"):
            with cursor.connection.cursor() as own:
                own.execute("SET LOCAL enable_seqscan = off")
                own.execute(f"EXPLAIN (COSTS OFF) {statement}", values)
                found.append(" ".join(row[0].strip() for row in own.fetchall()))

    event.listen(parts.database.engine, "before_cursor_execute", explain)
    retention(parts).purge_batch()
    event.remove(parts.database.engine, "before_cursor_execute", explain)

    assert ["messages", "auth_codes", "tickets", "challenges"] == [
        re.search(r" on (\w+)", plan)[1] for plan in found[:4]
    ]
    for plan in found[:4]:
        assert re.search(r"Index Cond: \((deadline|expires)_at < ", plan), plan
