"""Apprise's plugins behind our connections: which there are, whom they send to, where they may go."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import Any

import pytest

from sidecar.delivery.apprise import Apprise
from sidecar.delivery.ports import Rendered
from sidecar.errors import DeliveryFailed, RecipientRefused, SettingsError
from sidecar.settings import APPRISE_SCHEMAS, AppriseProvider, Secret
from tests.gateway import Gateway

CONTENT = Rendered(subject="", text="123456 is your code for Acme.\n\n@login.example.org #123456", html="")
NUMBER = "+4915123456789"
KEY = "abcdef0123456789abcdef0123"
UUID = "01234567-89ab-cdef-0123-456789abcdef"
FROM = "15005550001"
#: A URL of each schema that an operator may use, with made-up keys.
URLS = {
    "46elks": f"46elks://user:{KEY}@{FROM}/{{recipient}}",
    "atalk": f"atalk://user@{KEY}/{{recipient}}",
    "bulksms": f"bulksms://{KEY}:{KEY}@{{recipient}}",
    "bulkvs": f"bulkvs://user:{KEY}@{FROM}/{{recipient}}",
    "burstsms": f"burstsms://{KEY}:{KEY}@{FROM}/{{recipient}}",
    "clickatell": f"clickatell://{KEY}/{{recipient}}",
    "clicksend": f"clicksend://user:{KEY}@{{recipient}}",
    "cm": f"cm://Acme@{UUID}/{{recipient}}",
    "d7sms": f"d7sms://{KEY}@{{recipient}}",
    "eight00com": f"eight00com://{KEY}@{FROM}/{{recipient}}",
    "elks": f"elks://user:{KEY}@{FROM}/{{recipient}}",
    "exotel": f"exotel://{KEY}:{KEY}@{FROM}/{{recipient}}",
    "form": "form://gateway.example.org/?:to={recipient}",
    "forms": "forms://gateway.example.org/?:to={recipient}",
    "httpsms": f"httpsms://{KEY}@{FROM}/{{recipient}}",
    "infobip": f"infobip://{KEY}@abc.api.infobip.com/{{recipient}}?from=Acme",
    "json": "json://gateway.example.org/?:to={recipient}",
    "jsons": "jsons://gateway.example.org/?:to={recipient}",
    "kaleyra": f"kaleyra://{KEY}:{KEY}@ACMEXX/{{recipient}}",
    "klr": f"klr://{KEY}:{KEY}@ACMEXX/{{recipient}}",
    "kudosity": f"kudosity://{KEY}:{KEY}@{FROM}/{{recipient}}",
    "msgbird": f"msgbird://{KEY[:25]}/{FROM}/{{recipient}}",
    "nexmo": f"nexmo://{KEY[:8]}:{KEY[:16]}@{FROM}/{{recipient}}",
    "octopush": f"octopush://user@example.org/{KEY}/{{recipient}}",
    "plivo": f"plivo://{KEY[:25]}@{KEY}{KEY[:14]}/{FROM}/{{recipient}}",
    "seven": f"seven://{KEY}/{{recipient}}",
    "sinch": f"sinch://{'a' * 32}:{'b' * 32}@{FROM}/{{recipient}}",
    "smsc": f"smsc://user:{KEY}@{{recipient}}",
    "smsmanager": f"smsmanager://{KEY}@{{recipient}}",
    "smsmgr": f"smsmgr://{KEY}@{{recipient}}",
    "smstunnel": f"smstunnel://{KEY}/{{recipient}}",
    "telesign": f"telesign://{KEY}:{KEY}@{{recipient}}",
    "telnyx": f"telnyx://{KEY}@{FROM}/{{recipient}}",
    "vonage": f"vonage://{KEY[:8]}:{KEY[:16]}@{FROM}/{{recipient}}",
    "xml": "xml://gateway.example.org/?:to={recipient}",
    "xmls": "xmls://gateway.example.org/?:to={recipient}",
}


def apprise(url: str, *, private_network: bool = False, resolve: Any = None, timeout_s: int = 1) -> Apprise:
    settings = AppriseProvider(
        id="many", type="apprise", url=Secret(url), timeout_s=timeout_s, private_network=private_network
    )
    return Apprise(settings, resolve=resolve, sleep=lambda _: None)


def url_at(gateway: Gateway, more: str = "") -> str:
    """As a webhook of ours would have it."""
    renamed = "&".join(f":{name}=" for name in ("title", "type", "version", "attachments"))
    return f"json://127.0.0.1:{gateway.port}/messages?:recipient={{recipient}}&:message=body&{renamed}{more}"


def send(through: Apprise, to: str = NUMBER) -> str:
    return through.send(message_id="m1", destination=to, content=CONTENT, locale="en")


def test_there_is_a_url_here_of_each_schema():
    assert set(APPRISE_SCHEMAS) == set(URLS)


@pytest.mark.parametrize("act", ["send", "rehearse"])
@pytest.mark.parametrize("schema", URLS)
def test_whatever_a_plugin_reaches_out_to_is_checked_like_any_host(schema, act):
    """F1: each plugin sends through our connections, so a name of a private address is refused."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    through = apprise(URLS[schema], resolve=resolve)
    with pytest.raises(DeliveryFailed) as failed:
        getattr(through, act)(message_id="m1", destination=NUMBER, content=CONTENT, locale="en")

    if schema in {"form", "json", "xml"}:
        assert ([], True) == (asked, failed.value.is_final)
    else:
        assert 1 == len(asked)
        assert "no answer: AddressBlocked" == failed.value.reason
        assert not failed.value.is_about_recipient


@pytest.mark.parametrize(
    "schema", [schema for schema in URLS if not APPRISE_SCHEMAS[schema].startswith("custom_")]
)
def test_a_number_that_a_plugin_would_drop_is_refused_and_nobody_gets_its_message(schema):
    """Some plugins then send to the number they send from."""

    def resolve(*_: Any, **__: Any) -> Any:
        pytest.fail("a host was looked up")

    through = apprise(URLS[schema], resolve=resolve)

    with pytest.raises(RecipientRefused) as refused:
        send(through, "+298123")
    assert not refused.value.is_final


@pytest.mark.parametrize(
    "url",
    [
        f"msgbird://{KEY[:25]}/{FROM}/{{recipient}}/+15005550009",
        f"msgbird://{KEY[:25]}/{FROM}/{{recipient}}?to=+15005550009",
        f"msgbird://{KEY[:25]}/{{recipient}}/+15005550009",
        "msgbird://short/{recipient}",
        "msgbird://{recipient}",
        "telnyx://?key={recipient}",
        "sinch://%%%{recipient}",
    ],
)
def test_a_url_that_is_not_for_the_one_number_stops_the_start_and_is_not_repeated(url):
    with pytest.raises(SettingsError) as refused:
        apprise(url)

    assert "providers.many.url" in str(refused.value)
    assert KEY[:25] not in str(refused.value)


def test_a_text_arrives_as_it_is_once_with_a_key_of_its_own():
    with Gateway() as gateway:
        assert "" == send(apprise(url_at(gateway), private_network=True))

        (text,) = gateway.texts
        assert {"recipient": NUMBER, "body": CONTENT.text} == text.body
        assert "m1" == text.headers["Idempotency-Key"]


def test_the_urls_own_options_loosen_nothing():
    """Redirects, time-outs and repeats of its own."""
    with Gateway() as elsewhere, Gateway() as gateway:
        gateway.status, gateway.headers = 307, {"Location": elsewhere.url}
        with pytest.raises(DeliveryFailed, match="answered 307"):
            send(apprise(url_at(gateway, "&redirect=yes&retry=3&verify=no"), private_network=True))
        assert (1, []) == (len(gateway.refused), elsewhere.texts)

        gateway.hangs = True
        with pytest.raises(DeliveryFailed, match="no answer"):
            send(apprise(url_at(gateway, "&rto=60&cto=60"), private_network=True))


@pytest.mark.parametrize("status", [200, 201, 204, 302, 400, 401, 403, 429, 500, 503])
def test_what_a_gateway_answers_is_said_by_its_number(status):
    """D1: none of them is told to strangers, for a rehearsal meets none."""
    with Gateway() as gateway:
        gateway.status = status
        through = apprise(url_at(gateway), private_network=True)
        if status < 300:
            send(through)
            return
        with pytest.raises(DeliveryFailed, match=f"answered {status}") as failed:
            send(through)

    assert (False, True) == (failed.value.is_final, failed.value.is_about_recipient)


def test_outside_of_a_message_a_plugin_reaches_nothing():
    """Fail closed: its `requests` is ours for good."""
    import apprise.plugins.seven as plugin

    apprise_url = URLS["seven"]
    apprise(apprise_url)
    with pytest.raises(LookupError):
        plugin.requests.post("http://127.0.0.1:9/")
    with pytest.raises(AttributeError):
        plugin.requests.Session  # noqa: B018


def test_without_the_extra_the_start_says_what_to_install():
    """In a process that can't import it."""
    code = (
        "import sys; sys.modules['apprise'] = None\n"
        "from sidecar.delivery.apprise import Apprise\n"
        "from sidecar.settings import AppriseProvider, Secret\n"
        "Apprise(AppriseProvider(id='many', type='apprise', url=Secret('seven://k/{recipient}'),"
        " timeout_s=1, private_network=False))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert "SettingsError: providers.many is of type apprise" in ended.stderr
    assert "pip install 'keycloak-passwordless[apprise]'" in ended.stderr


def test_only_the_plugin_of_the_schema_is_loaded():
    """Among the others are some that run commands of this machine."""
    code = (
        "import sys\n"
        "from sidecar.delivery.apprise import Apprise\n"
        "from sidecar.settings import AppriseProvider, Secret\n"
        f"Apprise(AppriseProvider(id='many', type='apprise', url=Secret('{URLS['seven']}'),"
        " timeout_s=1, private_network=False))\n"
        "print(sorted(name for name in sys.modules if name.startswith('apprise.plugins.')))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert "['apprise.plugins.base', 'apprise.plugins.seven']" == ended.stdout.strip()
