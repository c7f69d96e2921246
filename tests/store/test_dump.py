"""What somebody finds who has the whole database, during a login and after it (threats A9, F6)."""

from __future__ import annotations

import base64
import hashlib

import pytest
from sqlalchemy import select

from sidecar.login import links, not_me
from sidecar.login.codes import derive_code
from sidecar.store.tables import challenges, metadata
from tests.journeys.mails import mail_server
from tests.web.browser import answer_of


@pytest.fixture
def environment():
    return {"REALMS__ACME__CONNECTIONS__EMAIL__METHOD": "both"}


def dump(parts) -> bytes:
    """Every column of every row, as bytes."""
    found = []
    with parts.database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


def spellings(secret: str) -> dict[str, bytes]:
    """How a careless store might keep it: plain, encoded, or hashed without a key."""
    raw = secret.encode()
    digests = {f"{name} ": hashlib.new(name, raw).digest() for name in ("sha256", "sha1", "md5", "sha512")}
    forms = {"": raw, **digests}
    encoders = {
        "raw": lambda it: it,
        "hex": lambda it: it.hex().encode(),
        "HEX": lambda it: it.hex().upper().encode(),
        "base64": lambda it: base64.b64encode(it).rstrip(b"="),
        "base64url": lambda it: base64.urlsafe_b64encode(it).rstrip(b"="),
    }
    return {f"{form}{name}": encode(raw) for form, raw in forms.items() for name, encode in encoders.items()}


def found_in(dumped: bytes, secret: str) -> list[str]:
    """The spellings of the secret that stand in the dump as a word; six digits may well be part of a number."""
    import re

    return [
        name
        for name, spelling in spellings(secret).items()
        if re.search(rb"(?<![0-9A-Za-z_-])" + re.escape(spelling) + rb"(?![0-9A-Za-z_-])", dumped)
    ]


def test_a_dump_holds_nothing_that_opens_anything(parts, browser, realms):
    """A9: neither code, cookie, authorization code, assertion nor token, nor their plain hashes; at any time."""
    dumps = []
    challenge_id = browser.start()
    dumps.append(dump(parts))
    with mail_server() as mails:
        mails.send_all(parts)
    dumps.append(dump(parts))
    code = mails.kept[0].code
    browser.type_code(challenge_id, browser.wrong_code(parts, challenge_id))
    auth_code = answer_of(browser.type_code(challenge_id, code))["code"]
    dumps.append(dump(parts))
    form = realms.token_form(auth_code)
    token = browser.open("POST", "/realms/acme/email/token", data=form).json
    dumps.append(dump(parts))

    secrets = [
        code,
        browser.secret,
        auth_code,
        form["client_assertion"],
        token["id_token"],
        token["access_token"],
    ]
    for dumped in dumps:
        assert [[]] * 6 == [found_in(dumped, secret) for secret in secrets]
    # The search finds what is there.
    assert found_in(dumps[0], challenge_id)
    assert found_in(dumps[0] + b"\n" + hashlib.sha256(code.encode()).hexdigest().encode(), code)


def test_a_dump_holds_no_link(parts, browser):
    """A9, B4: no token of a message's links, whole or its MAC, nor their plain hashes; before and after its use."""
    challenge_id = browser.start()
    challenge = browser.challenge(parts, challenge_id)
    tokens = [links.token_for(parts.keys, challenge), not_me.token_for(parts.keys, challenge)]
    secrets = [*tokens, *(it.partition(".")[2] for it in tokens)]
    dumps = [dump(parts)]
    with mail_server() as mails:
        mails.send_all(parts)
    assert tokens[0] == mails.kept[0].link.rpartition("/")[2]
    browser.get(f"/l/{tokens[0]}")
    dumps.append(dump(parts))
    assert answer_of(browser.post("/l", {"challenge": challenge_id}))["code"]
    dumps.append(dump(parts))

    for dumped in dumps:
        assert [[]] * 4 == [found_in(dumped, secret) for secret in secrets]
        assert found_in(dumped, challenge_id)


def test_neither_the_row_nor_the_key_alone_gives_the_code(parts, browser):
    """A9: the row under another key, or the key with another row's seed, gives other codes."""
    from dataclasses import replace

    from sidecar.login.keys import KeyRing
    from sidecar.settings import Secret
    from tests.conftest import OLDER_SECRET_KEY

    stranger = KeyRing([Secret(OLDER_SECRET_KEY)])
    challenge_ids = [browser.start(f"user{number}@example.org") for number in range(8)]
    found = [browser.challenge(parts, it) for it in challenge_ids]

    right = [derive_code(parts.keys, it) for it in found]
    row_alone = [derive_code(stranger, replace(it, key_id=stranger.newest_id)) for it in found]
    key_alone = [derive_code(parts.keys, replace(it, seed=bytes(32))) for it in found]

    for guessed in (row_alone, key_alone):
        assert sum(one == other for one, other in zip(right, guessed, strict=True)) <= 1


def test_what_a_message_is_made_of_holds_no_code(parts, browser):
    """F6: queue rows and what a provider answered are safe to read."""
    browser.start()
    with parts.database.read() as connection:
        seed = connection.execute(select(challenges.c.seed)).scalar_one()

    assert 32 == len(seed)
    assert not any(
        name in metadata.tables["messages"].c for name in ("body", "subject", "text", "html", "code")
    )


def test_the_signing_key_is_kept_wrapped(parts, browser):
    """E9: a dump signs no token."""
    import json

    browser.get("/realms/acme/email/jwks")
    dumped = dump(parts).decode("latin-1")
    public = browser.get("/realms/acme/email/jwks").json["keys"][0]

    assert public["x"] in dumped
    assert '"d"' not in dumped
    for line in dumped.splitlines():
        if line.startswith("{"):
            assert "d" not in json.loads(line)
