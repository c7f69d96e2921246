"""One message, one recipient, the stored one: over a real SMTP server (threats C1, C2, C3, C4)."""

from __future__ import annotations

from email.utils import getaddresses

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sidecar.app import Parts
from sidecar.errors import InvalidAddress
from sidecar.store.clock import ShiftedClock
from tests.flow import caller, start
from tests.journeys.mails import Mails, mail_server
from tests.model.test_email import REFUSED

TAKEN = [
    "ada@example.org",
    "Ada.Lovelace+tag@Example.ORG",
    "o'hara_1=x~y&z-@example.org",
    "=@example.org",
    "-@example.org",
    "'@example.org",
    "a=3D@example.org",
    "=20@example.org",
    "=utf-8=q=x=@example.org",
    "undisclosed-recipients@example.org",
    "a" * 64 + "@example.org",
    "ada@bücher.example",
    "ada@例え.テスト",
    "ada@" + ".".join(["a" * 61] * 3) + ".org",
]


@pytest.fixture(scope="module")
def parts(sqlite_template, tmp_path_factory):
    import shutil

    from sidecar.settings import load
    from tests.conftest import SECRET_KEY, SETTINGS

    folder = tmp_path_factory.mktemp("recipients")
    shutil.copy(sqlite_template, folder / "x.db")
    (folder / "settings.toml").write_text(
        SETTINGS % (SECRET_KEY, f"sqlite:///{folder}/x.db"), encoding="utf-8"
    )
    limits = "PASSWORDLESS__REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__"
    raised = {f"{limits}STARTS_PER_NETWORK_PER_HOUR": "1000000", f"{limits}MESSAGES_PER_HOUR": "1000",
              f"{limits}MESSAGES_PER_DAY": "10000"}  # fmt: skip
    built = Parts.build(load(folder / "settings.toml", raised), clock=ShiftedClock())
    yield built
    built.database.dispose()


@pytest.fixture(scope="module")
def mails():
    with mail_server() as server:
        yield server


def delivered(parts: Parts, mails: Mails, raw: str) -> None:
    """Refused at intake, or taken with one RCPT that is the stored destination, byte for byte."""
    kept, commands = len(mails.kept), len(mails.commands)
    try:
        challenge = start(parts, raw, by=caller(raw))
    except InvalidAddress:
        mails.send_all(parts)
        assert kept == len(mails.kept)
        return
    mails.send_all(parts)

    assert [challenge.destination] == mails.commands[commands:]
    assert [[challenge.destination]] == [mail.recipients for mail in mails.kept[kept:]]
    message = mails.kept[-1].message
    assert [("", challenge.destination)] == getaddresses(message.get_all("To"))
    assert not {"Cc", "Bcc", "Resent-To"} & set(message.keys())


@pytest.mark.parametrize("raw", TAKEN, ids=ascii)
def test_a_taken_address_is_the_one_recipient(parts, mails, raw):
    """C1."""
    before = len(mails.kept)

    delivered(parts, mails, raw)

    assert before + 1 == len(mails.kept)


def test_no_spelling_of_the_corpus_reaches_a_second_recipient(parts, mails):
    """C1, C2, C3: nothing of it is sent at all."""
    before = len(mails.commands)

    for raw in REFUSED:
        delivered(parts, mails, raw)

    assert before == len(mails.commands)


@given(
    st.one_of(
        st.emails(),
        st.builds(
            "{}@example.org".format,
            st.text("abc019._+-='&~\",;<>()@%!?\\ \r\n\x00ıа", min_size=1, max_size=16),
        ),
        st.builds(
            "{}{}{}".format, st.emails(), st.sampled_from([",", ";", " ", "\n", "\r\nBcc: "]), st.emails()
        ),
    )
)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example("=?utf-8?q?admin?=@example.org")
def test_whatever_is_typed_is_refused_or_reaches_exactly_the_stored_address(parts, mails, raw):
    """C1, C3: property."""
    delivered(parts, mails, raw)


def test_the_provider_refuses_what_the_mail_header_would_change(mails):
    """C3: the last look before sending; an address that came round the intake goes nowhere."""
    from dataclasses import replace

    from sidecar.delivery.ports import Rendered
    from sidecar.delivery.smtp import Smtp
    from sidecar.errors import DeliveryFailed

    content = Rendered(subject="123456", text="123456", html="123456")
    provider = Smtp(replace(_smtp_settings(), port=mails.port))
    before = len(mails.commands)

    for destination in (
        "a@x.example,b@y.example",
        "=?utf-8?q?admin?=@example.org",
        '"e@evil.example"@example.org',
        "Ada <ada@example.org>",
    ):
        with pytest.raises(DeliveryFailed) as refused:
            provider.send(message_id="m", destination=destination, content=content, locale="en")
        assert refused.value.is_final

    assert before == len(mails.commands)


def _smtp_settings():
    from sidecar.settings import Secret, SmtpProvider

    return SmtpProvider(
        id="smtp", type="smtp", host="127.0.0.1", port=1, security="none", username="", password=Secret(""),
        sender="Acme <login@example.org>", timeout_s=5, ca_file="",
        private_network=True,
    )  # fmt: skip


def test_a_code_goes_to_the_stored_spelling_not_to_the_typed_one(parts, mails):
    """C4: two spellings that compare equal may be two mailboxes somewhere."""
    from sidecar.login.verify import verify
    from tests.flow import right_code

    by = caller("stored")
    first = start(parts, "Stored@example.org", by=by)
    verify(parts.room(), challenge=first, unverified_code=right_code(parts, first), caller=by)
    mails.send_all(parts)
    before = len(mails.commands)

    start(parts, "sTORED@example.org", by=by)
    mails.send_all(parts)

    assert ["Stored@example.org"] == mails.commands[before:]
