"""Test addresses: a fixed code until a day, and in all else an address like any other; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from sidecar.app import Parts
from sidecar.errors import ChallengeNotFound, ChallengeRefused, InvalidRequest, RateLimited
from sidecar.login import limits, not_me
from sidecar.login.codes import is_right
from sidecar.login.resend import resend
from sidecar.login.verify import verify
from sidecar.model.events import Event
from sidecar.settings import PinnedAddress, Secret
from sidecar.store.tables import metadata
from tests.flow import caller, find, right_code, start, wrong_code
from tests.gateway import Gateway
from tests.journeys.mails import mail_server
from tests.ledger import events_of
from tests.texts import CONNECTION, text, with_texts

REVIEWER, NUMBER, CODE = "review@acme.example", "+447400123456", "73190482"
SHOWN = CODE[:6]
EMAIL = "REALMS__ACME__CONNECTIONS__EMAIL"


def today():
    return datetime.now(UTC).date()


def listed(address: str = REVIEWER, *, code: str = CODE, days: int = 0) -> str:
    """As a variable has it."""
    return f'{{ "{address}" = {{ code = "{code}", until = {today() + timedelta(days=days)} }} }}'


@pytest.fixture
def build(database_url, settings_for, clock):
    built = []

    def make(**environment):
        own = {f"{EMAIL}__TEST_ADDRESSES": listed(), **environment}
        built.append(Parts.build(settings_for(database_url, **own), clock=clock))
        return built[-1]

    yield make
    for parts in built:
        parts.database.dispose()


@pytest.fixture
def parts(build):
    return build()


def type_code(parts, challenge, code=SHOWN, by=None):
    return verify(parts.room(), challenge=challenge, unverified_code=code, caller=by or caller())


def test_its_code_is_the_one_of_the_settings_and_no_message_is_sent(parts):
    challenge = start(parts, REVIEWER)
    with mail_server() as mails:
        mails.send_all(parts)

    verified = type_code(parts, challenge)

    assert verified.raw_auth_code
    assert [] == mails.kept == mails.commands
    (rehearsed,) = events_of(parts, Event.MESSAGE_REHEARSED)
    (accepted,) = events_of(parts, Event.CODE_ACCEPTED)
    assert ("smtp (test address)", "test address") == (rehearsed.detail, accepted.detail)
    assert [] == events_of(parts, Event.MESSAGE_SENT)


def test_the_code_that_nobody_was_sent_is_no_second_one(parts):
    challenge = start(parts, REVIEWER)
    assert SHOWN != right_code(parts, challenge)

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge, right_code(parts, challenge))


def test_numbers_have_them_too_and_cost_no_text(build):
    with Gateway() as gateway:
        parts = build(
            **with_texts(gateway_url=gateway.url),
            REALMS__ACME__CONNECTIONS__SMS__TEST_ADDRESSES=listed("+44 7400 123456"),
        )
        challenge = text(parts, NUMBER)
        worker = parts.worker()
        while worker.step():
            pass

        type_code(parts, challenge)

    assert [] == gateway.texts == gateway.refused
    assert CONNECTION == events_of(parts, Event.CODE_ACCEPTED)[0].connection


@pytest.mark.parametrize(
    "address", ["review@acme.examples", "review+1@acme.example", "reviews@acme.example", "ada@acme.example"]
)
def test_it_is_this_address_and_no_other(parts, address):
    challenge = start(parts, address)

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge)
    with mail_server() as mails:
        mails.send_all(parts)
    assert [[address]] == [mail.recipients for mail in mails.kept]


def test_its_spellings_are_one_as_everybodys(parts):
    type_code(parts, start(parts, "Review@ACME.example"))

    assert 1 == len(events_of(parts, Event.CODE_ACCEPTED))


@pytest.mark.parametrize("where", [{"connection": "partner"}, {"realm": "other"}])
def test_it_is_of_its_connection_alone(parts, where):
    challenge = start(parts, REVIEWER, **where)

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge)


def test_from_the_day_after_its_last_it_is_an_address_like_any_other(parts, clock):
    """Its mail is sent, and holds the code that counts."""
    clock.shift(seconds=24 * 3600)
    challenge = start(parts, REVIEWER)
    with mail_server() as mails:
        mails.send_all(parts)

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge)
    type_code(parts, challenge, mails.kept[0].code)

    assert "" == events_of(parts, Event.CODE_ACCEPTED)[0].detail


def test_its_last_day_ends_at_midnight_utc():
    pinned = PinnedAddress(code=Secret(CODE), until=datetime(2026, 12, 24, tzinfo=UTC).date())
    midnight = int(datetime(2026, 12, 25, tzinfo=UTC).timestamp() * 1000)

    assert pinned.holds_at(midnight - 1)
    assert not pinned.holds_at(midnight)
    assert replace(pinned, until=None).holds_at(midnight * 2)


def test_tries_are_counted_as_everybodys(parts):
    """A1: five, and then not even the right one."""
    challenge = start(parts, REVIEWER)
    for _ in range(5):
        with pytest.raises(ChallengeRefused):
            type_code(parts, challenge, "000000")

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge)
    assert [] == events_of(parts, Event.CODE_ACCEPTED)


def test_so_are_its_failures_over_challenges_and_browsers(parts):
    """A2."""
    for each in range(2):
        by = caller(f"guesser-{each}")
        challenge = start(parts, REVIEWER, by=by)
        for _ in range(5):
            with pytest.raises(ChallengeRefused):
                type_code(parts, challenge, "000000", by)

    with pytest.raises(RateLimited) as refused:
        start(parts, REVIEWER, by=caller("late"))
    assert "failures_per_hour" == refused.value.budget


def test_so_are_its_messages_though_none_is_sent(parts):
    """D4."""
    for each in range(5):
        start(parts, REVIEWER, by=caller(f"browser-{each}"))

    with pytest.raises(RateLimited) as refused:
        start(parts, REVIEWER, by=caller("another"))
    assert "messages_per_hour" == refused.value.budget


def test_its_challenge_belongs_to_its_browser(parts):
    """F3: to know the code is not enough for somebody else's window."""
    challenge = start(parts, REVIEWER)

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge, by=caller("eve"))
    with pytest.raises(ChallengeNotFound):
        find(parts, challenge, caller("eve"))
    type_code(parts, challenge)


def test_its_code_is_good_once_for_each_start(parts):
    """A5, A6."""
    challenge = start(parts, REVIEWER)
    type_code(parts, challenge)

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge)
    type_code(parts, start(parts, REVIEWER))
    assert 2 == len(events_of(parts, Event.CODE_ACCEPTED))


def test_a_resend_and_a_denial_are_as_everybodys(parts, clock):
    challenge = start(parts, REVIEWER)
    with pytest.raises(RateLimited):
        resend(parts.room(), challenge=challenge, caller=caller())
    clock.shift(seconds=31)
    resend(parts.room(), challenge=challenge, caller=caller())
    not_me.deny(parts.room(), not_me.token_for(parts.keys, challenge))

    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge)


def test_without_sign_up_it_must_have_signed_in_before(build):
    """A fixed code is no way around a closed door."""
    closed = build(**{f"{EMAIL}__SIGNUP": "false"})
    with pytest.raises(ChallengeRefused):
        type_code(closed, start(closed, REVIEWER))

    opened = build()
    type_code(opened, start(opened, REVIEWER))
    type_code(closed, start(closed, REVIEWER))


def test_where_a_page_asks_for_fewer_digits_it_takes_the_first_of_them(parts):
    challenge = start(parts, REVIEWER)
    long = replace(challenge, digits=limits.LONG_DIGITS)

    assert is_right(parts.keys, challenge, SHOWN, pinned=CODE)
    assert is_right(parts.keys, long, CODE, pinned=CODE)
    assert not is_right(parts.keys, challenge, CODE[2:], pinned=CODE)
    # A short one is nobody's while codes are long.
    assert not is_right(parts.keys, long, SHOWN, pinned=SHOWN)
    assert not is_right(parts.keys, long, f"{SHOWN}00", pinned=SHOWN)
    with pytest.raises(InvalidRequest):
        type_code(parts, challenge, CODE)


def test_a_revoked_key_ends_its_open_codes_too(parts):
    challenge = start(parts, REVIEWER)

    assert not is_right(parts.keys, replace(challenge, key_id="gone"), SHOWN, pinned=CODE)


def test_its_code_stands_in_no_log_and_no_table(parts, capfd):
    """A9, B4."""
    challenge = start(parts, REVIEWER)
    with mail_server() as mails:
        mails.send_all(parts)
    with pytest.raises(ChallengeRefused):
        type_code(parts, challenge, wrong_code(parts, challenge))
    type_code(parts, challenge)

    written = "".join(capfd.readouterr())
    with parts.database.read() as connection:
        held = repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])
    assert "message_sent" in written
    assert CODE not in written + held + repr(parts.settings)
    assert SHOWN not in written + held + repr(parts.settings)
