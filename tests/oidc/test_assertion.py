"""private_key_jwt: only the realm itself, for this endpoint, in time, once (RFC 7523 §3; E8, E18, E19)."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from sidecar.app import create_app
from sidecar.model.events import Event
from tests.flow import at_once
from tests.ledger import events, events_of
from tests.oidc.realm import PUBLIC_URL, Realms
from tests.web.browser import Browser

ISSUER = f"{PUBLIC_URL}/realms/acme/email"
FOREIGN = ECKey.generate_key("P-256", {"kid": "acme-key"}, private=True)
RSA = RSAKey.generate_key(2048, {"kid": "acme-key"}, private=True)


def encoded(value) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(realms: Realms, header=None, key=None, algorithm="ES256", **changed) -> str:
    """An assertion like Keycloak's, but for what is changed."""
    head = {"alg": algorithm, "typ": "JWT", "kid": "acme-key", **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    payload = json.dumps(realms.claims(**changed)).encode()
    return jws.serialize_compact(head, payload, key or realms.key("acme"), registry=registry)


def signed_raw(realms: Realms, payload: bytes) -> str:
    head = {"alg": "ES256", "typ": "JWT", "kid": "acme-key"}
    return jws.serialize_compact(head, payload, realms.key("acme"), algorithms=["ES256"])


def confused(realms: Realms) -> str:
    """HS256 with the public key as the secret: what a verifier computes that lets the header choose."""
    signing = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'acme-key'})}.{encoded(realms.claims())}"
    secret = realms.key("acme").as_pem(private=False)
    return f"{signing}.{encoded(hmac.digest(secret, signing.encode(), 'sha256'))}"


def no_signature(realms: Realms, algorithm) -> str:
    return f"{encoded({'alg': algorithm, 'kid': 'acme-key'})}.{encoded(realms.claims())}."


def tampered(realms: Realms) -> str:
    header, _, signature = realms.assertion().split(".")
    return f"{header}.{encoded(realms.claims(jti='another'))}.{signature}"


def now(after_s: int) -> int:
    """A time from now, asked for when the test runs: a long run must not age its forgeries."""
    return int(time.time()) + after_s


FORGED = {
    "alg none": lambda r: no_signature(r, "none"),
    "alg None": lambda r: no_signature(r, "None"),
    "alg empty": lambda r: no_signature(r, ""),
    "alg a list": lambda r: no_signature(r, ["ES256"]),
    "no signature": lambda r: no_signature(r, "ES256"),
    "signature of zeros": lambda r: no_signature(r, "ES256") + encoded(bytes(64)),
    "HS256 with the public key": confused,
    "RS256": lambda r: signed(r, key=RSA, algorithm="RS256"),
    "RS256 under the realm's RSA key id": lambda r: signed(
        r, {"kid": "acme-rsa"}, key=RSA, algorithm="RS256"
    ),
    "foreign key, our key id": lambda r: signed(r, key=FOREIGN),
    "foreign key in jwk": lambda r: signed(r, {"jwk": FOREIGN.as_dict(private=False)}, key=FOREIGN),
    "foreign key in jwk, its own id": lambda r: signed(
        r, {"jwk": FOREIGN.as_dict(private=False), "kid": FOREIGN.thumbprint()}, key=FOREIGN
    ),
    "foreign key behind jku": lambda r: signed(
        r, {"jku": "http://127.0.0.1:1/keys", "kid": "x"}, key=FOREIGN
    ),
    "foreign key in x5c": lambda r: signed(r, {"x5c": ["MIIB"], "kid": "x"}, key=FOREIGN),
    "another realm's key": lambda r: signed(r, {"kid": "other-key"}, key=r.key("other")),
    "another realm's key, our key id": lambda r: signed(r, key=r.key("other")),
    "a key for encryption": lambda r: signed(r, {"kid": "acme-enc"}),
    "unknown key id": lambda r: signed(r, {"kid": "nobody"}),
    "no key id": lambda r: signed(r, {"kid": None}),
    "key id no string": lambda r: (
        f"{encoded({'alg': 'ES256', 'kid': {}})}.{encoded(r.claims())}.{encoded(bytes(64))}"
    ),
    "unknown crit": lambda _: (
        f"{encoded({'alg': 'ES256', 'kid': 'acme-key', 'crit': ['x'], 'x': 1})}.e30.{encoded(b'x')}"
    ),
    "claims changed after signing": tampered,
    "expired": lambda r: signed(r, exp=now(-31)),
    "no exp": lambda r: signed(r, exp=None),
    "exp in a day": lambda r: signed(r, exp=now(86_400)),
    "exp in an hour and a bit": lambda r: signed(r, exp=now(3_900)),
    "exp a text": lambda r: signed(r, exp=str(now(60))),
    "exp true": lambda r: signed(r, exp=True),
    "exp not a number": lambda r: signed_raw(r, json.dumps({**r.claims(), "exp": float("nan")}).encode()),
    "exp infinite": lambda r: signed_raw(r, json.dumps({**r.claims(), "exp": float("inf")}).encode()),
    "exp of 400 digits": lambda r: signed(r, exp=10**400),
    "not yet valid": lambda r: signed(r, nbf=now(300)),
    "issued in the future": lambda r: signed(r, iat=now(300)),
    "aud of another connection": lambda r: signed(r, aud=f"{PUBLIC_URL}/realms/acme/partner/token"),
    "aud of another realm": lambda r: signed(r, aud=f"{PUBLIC_URL}/realms/other/email/token"),
    "aud the realm's own issuer": lambda r: signed(r, aud="https://id.example.org/realms/acme"),
    "aud a prefix": lambda r: signed(r, aud=f"{ISSUER}/token/more"),
    "aud with another case": lambda r: signed(r, aud=f"{ISSUER}/TOKEN"),
    "aud a list with others": lambda r: signed(r, aud=[f"{ISSUER}/token", "https://evil.example/token"]),
    "aud an empty list": lambda r: signed(r, aud=[]),
    "aud a mapping": lambda r: signed(r, aud={f"{ISSUER}/token": True}),
    "no aud": lambda r: signed(r, aud=None),
    "iss another client": lambda r: signed(r, iss="account"),
    "iss the realm": lambda r: signed(r, iss="https://id.example.org/realms/acme"),
    "iss a list": lambda r: signed(r, iss=["keycloak"]),
    "no iss": lambda r: signed(r, iss=None),
    "sub another client": lambda r: signed(r, sub="account"),
    "no sub": lambda r: signed(r, sub=None),
    "no jti": lambda r: signed(r, jti=None),
    "jti empty": lambda r: signed(r, jti=""),
    "jti no text": lambda r: signed(r, jti=["a"]),
    "claims a list": lambda r: signed_raw(r, b"[1]"),
    "claims no JSON": lambda r: signed_raw(r, b"\xff\xfe"),
    "claims nested deep": lambda r: signed_raw(r, b"[" * 1_400 + b"]" * 1_400),
    "header nested deep": lambda _: f"{encoded(b'[' * 1_400)}.e30.x",
    "header a list": lambda r: f"{encoded([])}.{encoded(r.claims())}.x",
    "header no JSON": lambda _: "e30e.e30.x",
    "an ID token's claims": lambda r: signed(
        r,
        {"typ": "JWT"},
        iss="https://id.example.org/realms/acme",
        aud="keycloak",
        azp="keycloak",
        jti="id-token",
    ),
    "an access token's claims": lambda r: signed(
        r, {"typ": "at+jwt"}, iss="https://id.example.org/realms/acme"
    ),
    "a logout token's claims": lambda r: signed(r, {"typ": "logout+jwt"}, aud="keycloak", events={}),
    "encrypted": lambda _: "e30.e30.e30.e30.e30",
    "huge": lambda r: signed(r, filler="x" * 4_000),
    "empty": lambda _: " ",
    "dots": lambda _: "..",
    "not ASCII": lambda _: "ü.ü.ü",
    "NUL": lambda _: "\x00.\x00.\x00",
}


@pytest.fixture(scope="module")
def unspent(house) -> str:
    """An authorization code that stays good, for nobody gets as far as to spend it."""
    return house.browser.log_in(house.parts)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_assertion_lets_nobody_in(house, realms, unspent, name):
    """E8, E19: answered like every other refusal, before the code is looked at."""
    seen = len(events(house.parts))

    refused = _token(house.browser, realms.token_form(unspent, client_assertion=FORGED[name](realms)))

    assert (401, {"error": "invalid_client"}) == (refused.status_code, refused.json)
    assert seen == len(events(house.parts))


def test_the_code_of_the_forgeries_is_a_good_one(house, realms, unspent):
    """Runs after them: what they were refused for is not the code."""
    assert 200 == _token(house.browser, realms.token_form(unspent)).status_code


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ISSUER},
        {"aud": f"{ISSUER}/token"},
        {"aud": [f"{ISSUER}/token"]},
        {"exp": -20, "iat": -80},
        {"iat": None},
        {"exp": 3_000},
    ],
    ids=str,
)
def test_what_keycloak_may_send_is_taken(parts, browser, realms, changed):
    """The table above refuses for its reasons, not for everything; half a minute of skew is tolerated (E10)."""
    shifted = {name: now(value) if isinstance(value, int) else value for name, value in changed.items()}

    assert 200 == _token(browser, _form(realms, browser.log_in(parts), **shifted)).status_code


def test_an_id_token_of_ours_is_no_assertion(parts, browser, realms):
    """E19: our own signature proves nothing about the client."""
    answer = _token(browser, realms.token_form(browser.log_in(parts)))

    again = browser.log_in(parts)
    for kind in ("id_token", "access_token"):
        refused = _token(browser, realms.token_form(again, client_assertion=answer.json[kind]))
        assert (401, {"error": "invalid_client"}) == (refused.status_code, refused.json)


def test_an_assertion_is_used_once(parts, browser, realms):
    """E18: also when the first use failed for another reason."""
    assertion = realms.assertion()

    answers = [
        _token(browser, realms.token_form("unknown", client_assertion=assertion)),
        _token(browser, realms.token_form(browser.log_in(parts), client_assertion=assertion)),
    ]

    assert ["invalid_grant", "invalid_client"] == [answer.json["error"] for answer in answers]


def test_an_assertion_comes_sixteen_times_at_once_and_is_used_once(parts, browser, realms):
    """E18 under a race."""
    app, code, assertion = create_app(parts), browser.log_in(parts), realms.assertion()
    form = realms.token_form(code, client_assertion=assertion)

    answers = at_once(lambda _: _token(Browser(app), form).status_code, 16)

    assert [200] + [401] * 15 == sorted(answers)
    assert 1 == len(events_of(parts, Event.AUTH_CODE_REDEEMED))


def test_a_used_assertion_is_remembered_as_long_as_it_would_be_valid(parts, browser, realms, clock):
    """E18: forgetting it at `exp` would let it in again within the tolerated skew."""
    assertion = realms.assertion(exp=int(time.time()) + 1)
    _token(browser, realms.token_form("unknown", client_assertion=assertion))
    clock.shift(seconds=29)
    _token(browser, realms.token_form("unknown"))  # a use prunes what is over

    refused = _token(browser, realms.token_form("unknown", client_assertion=assertion))

    assert (401, {"error": "invalid_client"}) == (refused.status_code, refused.json)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "account"},
        {"client_id": ""},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion_type": ""},
        {"client_secret": "guess", "client_assertion": " ", "client_assertion_type": ""},
    ],
    ids=str,
)
def test_another_client_or_another_way_to_authenticate_is_refused(parts, browser, realms, changed):
    form = {**realms.token_form(browser.log_in(parts)), **changed}

    refused = _token(browser, form)

    assert (401, {"error": "invalid_client"}) == (refused.status_code, refused.json)


def test_basic_authentication_is_not_taken(parts, browser, realms):
    form = realms.token_form(browser.log_in(parts))
    form = {name: value for name, value in form.items() if not name.startswith("client_assertion")}
    basic = {"Authorization": "Basic " + base64.b64encode(b"keycloak:secret").decode()}

    assert 401 == browser.open("POST", _PATH, data=form, headers=basic).status_code


def test_an_unknown_key_id_makes_us_ask_keycloak_once_not_each_time(parts, browser, realms):
    """E18: invented key ids must not turn us against the realm."""
    _token(browser, realms.token_form("x"))
    fetched = realms.fetched

    for _ in range(10):
        _token(browser, realms.token_form("x", client_assertion=signed(realms, {"kid": "invented"})))

    assert realms.fetched <= fetched + 1


def test_nobody_is_let_in_while_the_realms_keys_cannot_be_had(parts, browser, realms, settings_for):
    """G9: fails closed."""
    from sidecar.app import Parts

    code = browser.log_in(parts)
    url = parts.settings.database.url.reveal()
    alone = Parts.build(settings_for(url, KEYCLOAK__INTERNAL_URL="http://127.0.0.1:9"))

    answer = _token(Browser(create_app(alone)), realms.token_form(code))

    assert (503, {"error": "temporarily_unavailable"}) == (answer.status_code, answer.json)
    alone.database.dispose()


_PATH = "/realms/acme/email/token"


def _token(browser, form):
    return browser.open("POST", _PATH, data=form)


def _form(realms, code, **claims):
    return realms.token_form(code, client_assertion=signed(realms, **claims))


def test_the_clients_own_signature_algorithm_is_not_negotiable(parts, browser, realms):
    """E8: a key of the realm that is fit for something else is not used, even where its id is named rightly."""
    p384 = ECKey.generate_key("P-384", {"kid": "acme-key"}, private=True)
    token = jwt.encode({"alg": "ES384", "kid": "acme-key"}, realms.claims(), p384, algorithms=["ES384"])

    refused = _token(browser, realms.token_form(browser.log_in(parts), client_assertion=token))

    assert (401, {"error": "invalid_client"}) == (refused.status_code, refused.json)


@pytest.mark.parametrize(
    ("iat", "life", "status"),
    [
        (0, 60, 400),
        (25, 60, 400),
        (-85, 60, 400),
        (-95, 60, 401),
        (45, 60, 401),
        (-120, 60, 401),
        (120, 60, 401),
    ],
)
def test_an_assertion_is_taken_half_a_minute_early_or_late_and_no_more(house, realms, iat, life, status):
    """E10: 400 is the made-up code's, behind the client's proof; 401 is the proof's."""
    issued = int(time.time()) + iat
    form = realms.token_form("x" * 43, client_assertion=signed(realms, iat=issued, exp=issued + life))

    assert status == Browser(house.app).open("POST", "/realms/acme/email/token", data=form).status_code
