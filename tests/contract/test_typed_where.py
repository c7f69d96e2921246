"""Where a code is typed goes with its challenge, through the queue and every resend, into the text's last line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.login.issue import issue
from sidecar.login.keys import KeyRing
from sidecar.login.resend import resend
from sidecar.model.authorization import AuthorizationRequest
from sidecar.model.phone import parse_phone
from sidecar.settings import Secret
from tests.conftest import OLDER_SECRET_KEY, SECRET_KEY
from tests.contract.test_tickets import CLIENT, PROGRAM
from tests.flow import ASKER, find, right_code
from tests.gateway import Gateway
from tests.texts import BRITISH, CONNECTION, REALM, number, text, texting, with_texts

OURS, SHOP, OTHER = "login.example.org", "shop.acme.example", "www.acme.example"
NUMBER = number(BRITISH, 1)


@pytest.fixture
def gateway():
    with Gateway() as running:
        yield running


@pytest.fixture
def parts(database_url, settings_for, clock, gateway):
    with texting(settings_for(database_url, **with_texts(gateway_url=gateway.url)), clock) as built:
        yield built


def begin(parts, page_host):
    return issue(
        parts.room(),
        realm=REALM,
        connection=CONNECTION,
        address=parse_phone(NUMBER),
        caller=PROGRAM,
        request=AuthorizationRequest.through_api(CLIENT.application, page_host=page_host),
        asker=ASKER,
        locale="en",
    )


def sent(worker, gateway):
    """The last line of the message that is due now."""
    assert worker.step()
    return gateway.to(NUMBER)[-1].text.rpartition("\n")[2]


def again(parts, clock, challenge, page_host="", after_s=31):
    clock.shift(seconds=after_s)
    found = find(parts, challenge, PROGRAM)
    return resend(parts.room(), challenge=found.typed_at(page_host), caller=PROGRAM)


@pytest.mark.parametrize(("page_host", "named"), [(SHOP, SHOP), ("", OURS)])
def test_a_text_names_it_and_so_does_the_same_code_again(parts, clock, gateway, page_host, named):
    worker = parts.worker()
    challenge = begin(parts, page_host)
    line = f"@{named} #{right_code(parts, challenge)}"

    assert line == sent(worker, gateway)
    assert challenge.id == again(parts, clock, challenge).id
    assert line == sent(worker, gateway)


def test_asked_for_again_on_another_page_it_names_that_one_from_then_on(parts, clock, gateway):
    worker = parts.worker()
    challenge = begin(parts, SHOP)
    code = right_code(parts, challenge)
    sent(worker, gateway)

    assert OTHER == again(parts, clock, challenge, OTHER).request.page_host
    assert f"@{OTHER} #{code}" == sent(worker, gateway)
    again(parts, clock, challenge)
    assert f"@{OTHER} #{code}" == sent(worker, gateway)


def test_a_fresh_code_in_its_place_names_it_too(parts, clock, gateway):
    challenge = begin(parts, SHOP)
    sent(parts.worker(), gateway)

    fresh = again(parts, clock, challenge, after_s=250)

    assert challenge.id != fresh.id
    assert f"@{SHOP} #{right_code(parts, fresh)}" == sent(parts.worker(), gateway)


def test_a_message_that_was_queued_under_an_older_key_names_it(parts, gateway):
    challenge = begin(parts, SHOP)
    rotated = replace(parts.worker(), keys=KeyRing([Secret(OLDER_SECRET_KEY), Secret(SECRET_KEY)]))

    assert f"@{SHOP} #{right_code(parts, challenge)}" == sent(rotated, gateway)


def test_a_login_on_our_own_page_names_us(parts, gateway):
    challenge = text(parts, NUMBER)

    assert f"@{OURS} #{right_code(parts, challenge)}" == sent(parts.worker(), gateway)
