"""A whole login at debug level, and everything that was written meanwhile (threats B4, F12, I7)."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

from sidecar.edge.browser import COOKIE
from sidecar.web.link import COOKIE as LINK_COOKIE
from tests.journeys.http import Line
from tests.stack import wait_until
from tests.web.browser import PERSON, authorization

ADDRESS = "canary.bird@example.org"
STATE, NONCE = "canary-state-5d1f0c", "canary-nonce-77aa01"


def test_a_login_leaves_nothing_secret_in_any_log_line(served, realms):
    """B4: every line of four gunicorn processes and their workers at debug: JSON, and without a secret."""
    secrets = _log_in(served, realms) | _log_in_by_link(served)

    wait_until(
        lambda: '"route": "/realms/<realm>/<connection>/token"' in served.log.read_text(),
        "the last request's line",
    )
    lines = served.log.read_text("utf-8").splitlines()

    assert {} == {
        name: [it for it in lines if secret in it][:2]
        for name, secret in secrets.items()
        if any(secret in it for it in lines)
    }
    assert [] == [line for line in lines if not _is_json(line)]
    assert any(json.loads(line).get("event") == "message_sent" for line in lines)
    assert any(json.loads(line)["level"] == "debug" for line in lines)
    assert not re.search(r"[\w.+-]+@example\.org", "\n".join(lines))


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _log_in(served, realms) -> dict[str, str]:
    """A login with every step there is, right and wrong; answers all that must not be written."""
    line = Line(served.port)
    redirect_uri = served.parts.settings.broker_redirect_uri("acme", "email")
    query = urlencode(authorization(redirect_uri=redirect_uri, login_hint=ADDRESS, state=STATE, nonce=NONCE))
    host = ("Host", served.host)
    begun = line.send("GET", f"/realms/acme/email/authorize?{query}", [host, *PERSON.items()])
    cookie = begun.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    challenge = parse_qs(urlsplit(begun.headers["Location"]).query)["challenge"][0]
    own = [host, ("Cookie", f"{COOKIE}={cookie}"), ("Origin", f"http://{served.host}")]
    mail = wait_until(lambda: [it for it in served.mails.kept if it.recipients == [ADDRESS]], "the mail")[0]
    for path in ("code", "code/status"):
        line.send("GET", f"/realms/acme/email/{path}?challenge={challenge}", own)
    for code in (f"{(int(mail.code) + 1) % 10**6:06d}", "junk", ADDRESS):
        line.send("POST", "/realms/acme/email/code", own, {"challenge": challenge, "code": code})
    line.send("POST", "/realms/acme/email/code/resend", own, {"challenge": challenge})
    answer = line.send("POST", "/realms/acme/email/code", own, {"challenge": challenge, "code": mail.code})
    auth_code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
    assertion = realms.assertion(aud=f"{served.issuer}/token")
    form = realms.token_form(auth_code, redirect_uri=redirect_uri, client_assertion=assertion)
    token = line.send("POST", "/realms/acme/email/token", [host], form)
    line.send("POST", "/realms/acme/email/token", [host], form)  # a replay is worth a warning
    line.send("GET", f"/nowhere/{auth_code}?code={mail.code}&address={ADDRESS}", [host])
    line.send("GET", f"/realms/acme/email/authorize?{query}&{query}", [host])
    line.close()
    told = json.loads(token.text)
    return {
        "code": mail.code,
        "address": ADDRESS,
        "local part": ADDRESS.partition("@")[0],
        "cookie": cookie,
        "auth code": auth_code,
        "assertion": assertion,
        "signature of the assertion": assertion.rpartition(".")[2],
        "id_token": told["id_token"],
        "payload of the id_token": told["id_token"].split(".")[1],
        "access_token": told["access_token"],
        "challenge query": f"challenge={challenge}",
        "state": STATE,
        "nonce": NONCE,
        "verifier": form["code_verifier"],
    }


def _log_in_by_link(served) -> dict[str, str]:
    """The same by the link of the message, opened in two browsers, with all that can go wrong."""
    address = "canary.link@example.org"
    line, host = Line(served.port), ("Host", served.host)
    query = urlencode(
        authorization(
            redirect_uri=served.parts.settings.broker_redirect_uri("acme", "email"),
            login_hint=address,
            send="link",
        )
    )
    begun = line.send("GET", f"/realms/acme/email/authorize?{query}", [host, *PERSON.items()])
    cookie = begun.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    challenge = parse_qs(urlsplit(begun.headers["Location"]).query)["challenge"][0]
    mail = wait_until(lambda: [it for it in served.mails.kept if it.recipients == [address]], "the mail")[0]
    token = mail.link.rpartition("/")[2]
    held = ("Cookie", f"{LINK_COOKIE}={token}")
    own = [host, ("Cookie", f"{COOKIE}={cookie}; {LINK_COOKIE}={token}"), ("Origin", f"http://{served.host}")]
    foreign = line.send("GET", "/l", [host, held])
    code = re.findall(r">(\d{6})<", foreign.text)[0]
    for wanted in (f"/l/{token}", f"/l/{token}?more={token}", f"/l/{token}/more", f"/nowhere/{token}"):
        line.send("GET", wanted, [host])
    line.send("GET", f"/l/{token}", [host, ("Referer", f"http://{served.host}/l/{token}")])
    line.send("POST", "/l", [host, held], {"challenge": challenge})
    line.send("GET", "/l", own)
    answer = line.send("POST", "/l", own, {"challenge": challenge})
    line.send("POST", "/l", own, {"challenge": challenge})
    line.send("POST", "/l/new", own, {"challenge": challenge})
    line.close()
    return {
        "link": token,
        "MAC of the link": token.partition(".")[2],
        "code of the link": code,
        "cookie of the link's browser": cookie,
        "auth code of the link": parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0],
    }
