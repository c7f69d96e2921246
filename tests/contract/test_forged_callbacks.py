"""F2: a corpus of forged callbacks over HTTP, for each kind of provider, on SQLite and on PostgreSQL.

Each of them changes nothing at all, and its answer is the one that all get. Beside them the genuine one, which changes
a receipt and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from werkzeug.datastructures import Headers

from sidecar.app import Parts, create_app
from sidecar.store import tables
from sidecar.store.outbox import SqlOutbox
from tests.flow import caller, start
from tests.gateway import ACCOUNT_SID, AUTH_TOKEN, CALLBACK_SECRET, SECRET, signed

PUBLIC_URL = "https://login.example.org"
OTHERS_SECRET = "the-callback-secret-of-another-gateway-01234567"
OTHERS_TOKEN = "00000000000000000000000000000000"
SETTINGS = {
    "PROVIDERS__GATEWAY__TYPE": "webhook",
    "PROVIDERS__GATEWAY__URL": "https://gateway.example.org/messages",
    "PROVIDERS__GATEWAY__SECRET": SECRET,
    "PROVIDERS__GATEWAY__CALLBACK_SECRET": CALLBACK_SECRET,
    "PROVIDERS__OTHER__TYPE": "webhook",
    "PROVIDERS__OTHER__URL": "https://other.example.org/messages",
    "PROVIDERS__OTHER__SECRET": SECRET,
    "PROVIDERS__OTHER__CALLBACK_SECRET": OTHERS_SECRET,
    "PROVIDERS__SILENT__TYPE": "webhook",
    "PROVIDERS__SILENT__URL": "https://silent.example.org/messages",
    "PROVIDERS__SILENT__SECRET": SECRET,
    "PROVIDERS__TWILIO__TYPE": "twilio",
    "PROVIDERS__TWILIO__ACCOUNT_SID": ACCOUNT_SID,
    "PROVIDERS__TWILIO__AUTH_TOKEN": f'"{AUTH_TOKEN}"',
    "PROVIDERS__TWILIO__SENDER": '"+15005550006"',
    "PROVIDERS__TWILIO2__TYPE": "twilio",
    "PROVIDERS__TWILIO2__ACCOUNT_SID": ACCOUNT_SID,
    "PROVIDERS__TWILIO2__AUTH_TOKEN": f'"{OTHERS_TOKEN}"',
    "PROVIDERS__TWILIO2__SENDER": '"+15005550006"',
}


@dataclass(frozen=True)
class Post:
    """A callback as it is sent."""

    path: str
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = "application/json"

    def without(self, name: str) -> Post:
        return replace(self, headers=[(key, value) for key, value in self.headers if key != name])

    def but(self, name: str, value: str) -> Post:
        return replace(self.without(name), headers=[*self.without(name).headers, (name, value)])

    def twice(self, name: str, value: str = "") -> Post:
        """The header a second time: another one in front, or the same again."""
        mine = next(it for key, it in self.headers if key == name)
        return replace(
            self.without(name), headers=[*self.without(name).headers, (name, value or mine), (name, mine)]
        )


@dataclass
class Town:
    """Messages that a provider each took; `mine` is the one that the corpus is about."""

    parts: Parts
    app: Any
    ids: dict[str, str]

    def webhook(
        self,
        *,
        provider: str = "gateway",
        about: str = "",
        to: str = "",
        kind: str = "message.undelivered",
        secret: str = CALLBACK_SECRET,
        at: int = 0,
        event_id: str = "e1",
    ) -> Post:
        mine = self.ids["gateway"]
        body = json.dumps({"type": kind, "data": {"message_id": about or mine}}).encode()
        headers = signed(secret.encode(), body, event_id=event_id, at=int(time.time()) + at)
        return Post(f"/callbacks/{provider}/{to or mine}", body, list(headers.items()))

    def twilio(
        self,
        *,
        provider: str = "twilio",
        to: str = "",
        token: str = AUTH_TOKEN,
        url: str = "",
        body: bytes | None = None,
        **form: str,
    ) -> Post:
        path = f"/callbacks/{provider}/{to or self.ids['twilio']}"
        said = {"MessageStatus": "undelivered", "MessageSid": "SM1", "To": "+4915123456789", **form}
        text = (url or f"{PUBLIC_URL}{path}") + "".join(name + said[name] for name in sorted(said))
        mac = base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()
        return Post(
            path,
            urlencode(said).encode() if body is None else body,
            [("X-Twilio-Signature", mac)],
            "application/x-www-form-urlencoded",
        )

    def send(self, post: Post) -> Any:
        headers = Headers([*post.headers, ("Content-Type", post.content_type)])
        return self.app.test_client().post(post.path, data=post.body, headers=headers, base_url=PUBLIC_URL)

    def everything(self) -> dict[str, list[Any]]:
        """Each row of each table."""
        with self.parts.database.read() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in tables.metadata.sorted_tables
            }


@pytest.fixture
def town(database_url, settings_for, clock):
    parts = Parts.build(settings_for(database_url, **SETTINGS), clock=clock)
    outbox = SqlOutbox(parts.database)
    ids = {}
    for name in ("gateway", "other", "twilio", "smtp"):
        start(parts, f"{name}@example.org", by=caller(name))
        parcel = outbox.take("w", claim_s=30)
        outbox.mark_sent(parcel, "w", provider=name, reference=f"{name}-1")
        ids[name] = str(parcel.id)
    start(parts, "waiting@example.org", by=caller("waiting"))
    ids["nobody yet"] = str(outbox.take("w", claim_s=30).id)
    yield Town(parts, create_app(parts), ids)
    parts.database.dispose()


ID, TIME, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
WEBHOOK: dict[str, Callable[[Town], Post]] = {
    "no id": lambda it: it.webhook().without(ID),
    "no time": lambda it: it.webhook().without(TIME),
    "no signature": lambda it: it.webhook().without(SIGNATURE),
    "nothing of it": lambda it: replace(it.webhook(), headers=[]),
    "an empty id, signed": lambda it: it.webhook(event_id=""),
    "an empty signature": lambda it: it.webhook().but(SIGNATURE, "v1,"),
    "a signature of another version": lambda it: it.webhook().but(SIGNATURE, "v1a,AAAA"),
    "a signature without its version": lambda it: it.webhook().but(
        SIGNATURE, dict(it.webhook().headers)[SIGNATURE].removeprefix("v1,")
    ),
    "a signature cut short": lambda it: it.webhook().but(
        SIGNATURE, dict(it.webhook().headers)[SIGNATURE][:-4]
    ),
    "five minutes and a second old": lambda it: it.webhook(at=-301),
    "an hour old": lambda it: it.webhook(at=-3600),
    "of the year 1970": lambda it: it.webhook(at=-int(time.time()) + 1),
    "ten minutes of the future": lambda it: it.webhook(at=600),
    "old under a new time": lambda it: it.webhook(at=-3600).but(TIME, str(int(time.time()))),
    "a time that is none": lambda it: it.webhook().but(TIME, "now"),
    "the gateway's secret for messages": lambda it: it.webhook(secret=SECRET),
    "another gateway's secret": lambda it: it.webhook(secret=OTHERS_SECRET),
    "Twilio's token": lambda it: it.webhook(secret=AUTH_TOKEN),
    "an empty secret": lambda it: it.webhook(secret=""),
    "signed as Twilio does": lambda it: replace(
        it.webhook(), headers=it.twilio(provider="gateway", to=it.ids["gateway"]).headers
    ),
    "another id": lambda it: it.webhook().but(ID, "e2"),
    "another word": lambda it: replace(it.webhook(), body=it.webhook(kind="message.delivered").body),
    "a space more": lambda it: replace(it.webhook(), body=it.webhook().body + b" "),
    "no body": lambda it: replace(it.webhook(), body=b""),
    "a key twice": lambda it: replace(
        it.webhook(), body=it.webhook().body[:-1] + b', "type": "message.delivered"}'
    ),
    "an id twice": lambda it: it.webhook().twice(ID, "e0"),
    "a time twice": lambda it: it.webhook().twice(TIME),
    "about another message, under ours": lambda it: it.webhook(about=it.ids["other"]),
    "about ours, under another message": lambda it: it.webhook(to=it.ids["other"]),
    "another provider's message, by its own secret": lambda it: it.webhook(
        about=it.ids["other"], to=it.ids["other"]
    ),
    "ours, by another provider": lambda it: it.webhook(provider="other", secret=OTHERS_SECRET),
    "a mail's": lambda it: it.webhook(about=it.ids["smtp"], to=it.ids["smtp"]),
    "one that nobody took yet": lambda it: it.webhook(about=it.ids["nobody yet"], to=it.ids["nobody yet"]),
    "one that there is not": lambda it: it.webhook(about="no-such-message", to="no-such-message"),
    "a provider that there is not": lambda it: it.webhook(provider="nobody"),
    "a provider without a secret": lambda it: it.webhook(provider="silent"),
    "a provider that is a mail server": lambda it: it.webhook(provider="smtp"),
    "ten megabytes": lambda it: replace(it.webhook(), body=b"[" * 10_000_000),
    "just too long": lambda it: replace(it.webhook(), body=it.webhook().body.ljust(64 * 1024 + 1)),
}
TWILIO: dict[str, Callable[[Town], Post]] = {
    "no signature": lambda it: replace(it.twilio(), headers=[]),
    "an empty signature": lambda it: it.twilio().but("X-Twilio-Signature", ""),
    "a signature twice": lambda it: it.twilio().twice("X-Twilio-Signature"),
    "another account's token": lambda it: it.twilio(token=OTHERS_TOKEN),
    "a gateway's secret": lambda it: it.twilio(token=CALLBACK_SECRET),
    "an empty token": lambda it: it.twilio(token=""),
    "signed as a gateway does": lambda it: replace(
        it.twilio(), headers=list(signed(AUTH_TOKEN.encode(), it.twilio().body).items())
    ),
    "for another host": lambda it: it.twilio(url=f"https://evil.example/callbacks/twilio/{it.ids['twilio']}"),
    "for http": lambda it: it.twilio(url=f"http://login.example.org/callbacks/twilio/{it.ids['twilio']}"),
    "for a query": lambda it: it.twilio(url=f"{PUBLIC_URL}/callbacks/twilio/{it.ids['twilio']}?a=b"),
    "for another message": lambda it: replace(
        it.twilio(to=it.ids["other"]), path=f"/callbacks/twilio/{it.ids['twilio']}"
    ),
    "at another message": lambda it: replace(it.twilio(), path=f"/callbacks/twilio/{it.ids['other']}"),
    "another word": lambda it: replace(it.twilio(), body=it.twilio(MessageStatus="delivered").body),
    "a word more": lambda it: replace(it.twilio(), body=it.twilio().body + b"&MessageStatus=delivered"),
    "a field less": lambda it: replace(it.twilio(), body=it.twilio().body.partition(b"&")[2]),
    "a field more": lambda it: replace(it.twilio(), body=it.twilio().body + b"&x="),
    "no body": lambda it: it.twilio(body=b""),
    "no form": lambda it: it.twilio(body=b"\xff\x00"),
    "a thousand fields": lambda it: it.twilio(body=b"&".join([b"a=1"] * 1000)),
    "ten megabytes": lambda it: it.twilio(body=b"a=" + b"x" * 10_000_000),
    "ours, by another account": lambda it: it.twilio(provider="twilio2", token=OTHERS_TOKEN),
    "a gateway's message": lambda it: it.twilio(to=it.ids["gateway"]),
    "a mail's": lambda it: it.twilio(to=it.ids["smtp"]),
    "one that nobody took yet": lambda it: it.twilio(to=it.ids["nobody yet"]),
    "one that there is not": lambda it: it.twilio(to="no-such-message"),
    "a webhook's provider": lambda it: it.twilio(provider="gateway", to=it.ids["gateway"]),
}
CORPUS = {
    **{f"webhook: {name}": made for name, made in WEBHOOK.items()},
    **{f"twilio: {name}": made for name, made in TWILIO.items()},
}
#: Of each request's own.
_OWN = {"Date", "X-Request-Id"}


def seen(answer: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.data, sorted(it for it in answer.headers if it[0] not in _OWN)


def test_each_forgery_changes_nothing_and_gets_the_one_answer_that_all_get(town):
    """One town for all of them, so that they may also build on each other."""
    before = town.everything()

    answers = {name: seen(town.send(made(town))) for name, made in CORPUS.items()}

    wrong = {name: answer[0] for name, answer in answers.items() if answer[0] != 404}
    assert {} == wrong
    (one,) = {repr(answer) for answer in answers.values()}
    assert "b''" in one
    assert before == town.everything()


@pytest.mark.parametrize("kind", ["webhook", "twilio"])
def test_a_genuine_one_changes_a_receipt_and_nothing_else(town, kind):
    before = town.everything()
    genuine = getattr(town, kind)()

    answer = town.send(genuine)

    after = town.everything()
    assert (204, b"") == (answer.status_code, answer.data)
    changed = {name for name in before if before[name] != after[name]}
    assert {"messages", "events"} == changed
    assert [1, 1] == [len(set(after[name]) - set(before[name])) for name in ("messages", "events")]


@pytest.mark.parametrize("kind", ["webhook", "twilio"])
def test_one_that_is_sent_again_or_contradicted_later_changes_nothing_more(town, kind):
    """A replay is a right signature: what holds it is that a receipt is written once."""
    later = {
        "webhook": {"kind": "message.delivered", "event_id": "e2"},
        "twilio": {"MessageStatus": "delivered"},
    }
    make = getattr(town, kind)
    genuine = make()
    town.send(genuine)
    first = town.everything()

    answers = [town.send(post).status_code for post in (genuine, genuine, make(**later[kind]))]

    assert [204, 204, 204] == answers
    assert first == town.everything()


def test_the_corpus_is_made_of_what_would_be_taken(town):
    """Else it would show nothing: what the forgeries are made from is genuine."""
    answers = [
        town.send(post).status_code
        for post in (
            town.webhook(at=-290),
            town.webhook(
                provider="other", secret=OTHERS_SECRET, about=town.ids["other"], to=town.ids["other"]
            ),
            town.twilio(),
        )
    ]

    assert [204] * 3 == answers
