"""What the settings take, and how they refuse: the key, what is wrong, the way to mend it."""

from __future__ import annotations

import dataclasses
import textwrap

import pytest

from sidecar.assets import locales
from sidecar.cli.config import _EXAMPLE
from sidecar.errors import SettingsError
from sidecar.settings import Secret, load

KEY = "kUq3f0mX-7vTn2bWcE9sLr5JhYd8PzAaG1oQiRtN4uM"
OTHER_KEY = "Zp4Vw9cKx2Lh7RgTn0sYb6MfQe1JdUo8AiXt3BzNvCk"

WHOLE = f"""
[server]
public_url = "https://login.example.org"
secret_keys = ["{KEY}"]
[keycloak]
url = "https://id.example.org"
[providers.smtp]
type = "smtp"
host = "smtp.example.org"
sender = "Acme <login@example.org>"
[realms.Acme]
[realms.Acme.connections.email]
strategy = "email"
providers = ["smtp"]
"""


@pytest.fixture
def load_text(tmp_path):
    def load_text(text: str, **environment: str):
        path = tmp_path / "passwordless.toml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return load(path, environment)

    return load_text


@pytest.fixture
def refusal(load_text):
    """The lines of a refusal, each with a key."""

    def refusal(text: str, **environment: str) -> list[str]:
        with pytest.raises(SettingsError) as refused:
            load_text(text, **environment)
        return [line.strip() for line in str(refused.value).splitlines()[1:]]

    return refusal


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


def in_table(table: str, line: str) -> str:
    return changed(f"[{table}]", f"[{table}]\n{line}")


def test_the_least_file_is_taken_with_the_defaults_of_the_mission(load_text):
    loaded = load_text(WHOLE)
    connection = loaded.realms["Acme"].connections["email"]
    assert (6, 300, True, "code", "prompt") == (
        connection.digits,
        connection.lifetime_s,
        connection.signup,
        connection.method,
        connection.linking,
    )
    limits = connection.limits
    assert (5, 10, 5, 10, 50, 30) == (
        limits.tries_per_code,
        limits.failures_per_hour,
        limits.messages_per_hour,
        limits.messages_per_day,
        limits.starts_per_network_per_hour,
        limits.resend_after_s,
    )
    assert loaded.database.url.reveal() == "sqlite:///passwordless.db"
    assert loaded.server.trusted_hops == 0


def test_urls_between_the_two_are_made_of_settings_alone(load_text):
    loaded = load_text(WHOLE)
    assert loaded.issuer("Acme", "email") == "https://login.example.org/realms/Acme/email"
    assert (
        loaded.broker_redirect_uri("Acme", "email")
        == "https://id.example.org/realms/Acme/broker/email/endpoint"
    )


def test_a_public_url_may_have_a_path(load_text):
    loaded = load_text(changed("https://login.example.org", "https://login.example.org/pass-word.less/x_1"))

    assert loaded.issuer("Acme", "email") == "https://login.example.org/pass-word.less/x_1/realms/Acme/email"


def test_internal_urls_are_the_public_ones_unless_they_are_given(load_text):
    loaded = load_text(WHOLE)
    assert loaded.server.internal_url == "https://login.example.org"
    assert loaded.keycloak.internal_url == "https://id.example.org"
    given = load_text(in_table("keycloak", 'internal_url = "http://keycloak:8080"'))
    assert given.keycloak.internal_url == "http://keycloak:8080"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(
            in_table("server", "publik_url = 1"),
            "server.publik_url: is no setting: see docs/settings.md for the list, or mend the spelling",
            id="unknown key",
        ),
        pytest.param(
            WHOLE + "[realms.Acme.connections.email.limits]\ntries = 5\n",
            "realms.Acme.connections.email.limits.tries: is no setting: see docs/settings.md for the list, or mend"
            " the spelling",
            id="unknown limit",
        ),
        pytest.param(
            changed(f'secret_keys = ["{KEY}"]', ""), "server.secret_keys: is missing", id="no secret"
        ),
        pytest.param(
            changed(f'["{KEY}"]', "[]"),
            "server.secret_keys: needs at least one key, newest first; `passwordless config secret` prints one",
            id="empty list of secrets",
        ),
        pytest.param(
            changed("https://login", "http://login"),
            "server.public_url: must be https: browsers keep our cookies to secure origins (http works on"
            " localhost only)",
            id="http",
        ),
        pytest.param(
            changed("login.example.org", "login.example.org/"),
            "server.public_url: must have no user, query, fragment or trailing slash",
            id="trailing slash",
        ),
        *(
            pytest.param(
                changed("https://login.example.org", f"https://login.example.org{path}"),
                "server.public_url: must have no path, or a plain one like /passwordless",
                id=path,
            )
            for path in ("//a", "/a//b", "/a/..", "/.", "/a%2fb", "/a;b", "/ä")
        ),
        pytest.param(
            changed("https://login", "https://user:pw@login"),
            "server.public_url: must have no user, query, fragment or trailing slash",
            id="user in the URL",
        ),
        pytest.param(
            changed("https://id.example.org", "id.example.org"),
            "keycloak.url: must be a URL like https://login.example.org",
            id="no scheme",
        ),
        pytest.param(
            in_table("keycloak", 'internal_url = "keycloak:8080"'),
            "keycloak.internal_url: must be a URL like http://keycloak:8080",
            id="no scheme inside",
        ),
        pytest.param(
            changed("[keycloak]", '[database]\nurl = "mysql://db/x"\n[keycloak]'),
            "database.url: must start with sqlite:/// (a file) or postgresql:// (a server); no other database is"
            " supported",
            id="another database",
        ),
        pytest.param(
            changed("[providers.smtp]", "[providers.SMTP]"),
            "providers.SMTP: must be lower-case letters, digits, '.', '_' or '-'",
            id="bad provider name",
        ),
        pytest.param(
            changed('providers = ["smtp"]', 'providers = ["mail"]'),
            "realms.Acme.connections.email.providers: names 'mail', but there is no [providers.mail]",
            id="provider that is not there",
        ),
        pytest.param(
            in_table("providers.smtp", 'security = "none"\npassword = "hunter22"'),
            "providers.smtp.security: would send the password in the clear: use starttls or tls",
            id="password over clear text",
        ),
        pytest.param(
            changed("Acme <login@example.org>", "Acme"),
            'providers.smtp.sender: must be an address like "Acme <login@example.org>"',
            id="sender without an address",
        ),
        pytest.param(
            changed("Acme <login@example.org>", "a@b\\r\\nBcc: eve@example.net"),
            'providers.smtp.sender: must be an address like "Acme <login@example.org>"',
            id="header lines in the sender",
        ),
        pytest.param(
            in_table("providers.smtp", "port = 70000"),
            "providers.smtp.port: Must be greater than or equal to 1 and less than or equal to 65535.",
            id="no port",
        ),
        pytest.param(
            in_table("realms.Acme.connections.email", "digits = 4"),
            "realms.Acme.connections.email.digits: Must be greater than or equal to 6 and less than or equal to 8.",
            id="short codes",
        ),
        pytest.param(
            in_table("realms.Acme.connections.email", "lifetime_s = 3600"),
            "realms.Acme.connections.email.lifetime_s: Must be greater than or equal to 120 and less than or equal"
            " to 600.",
            id="codes that live too long",
        ),
        pytest.param(
            changed('strategy = "email"', 'strategy = "sms"'),
            "realms.Acme.connections.email.providers: names 'smtp', but a provider of type smtp carries no text"
            " messages",
            id="what is not there yet",
        ),
        pytest.param(
            changed('providers = ["smtp"]', 'providers = ["smtp", "smtp"]'),
            "realms.Acme.connections.email.providers: names one twice",
            id="one provider twice",
        ),
        pytest.param(
            changed('providers = ["smtp"]', 'providers = ["smtp", "other"]')
            + '[providers.other]\ntype = "smtp"\nhost = "x"\nsender = "a@example.org"\ntimeout_s = 21\n',
            "realms.Acme.connections.email.providers: could take 31 seconds to get to the last of them, and a"
            " message has 30: lower the providers' timeout_s",
            id="providers that take too long",
        ),
        pytest.param(
            changed("https://id.example.org", "https://id.example.net") + "[realms.Acme.clients.shop]\n"
            'theme = "passwordless-classic"\n',
            "realms.Acme.clients.shop.theme: needs keycloak.url and server.public_url on one site, like id.acme.example"
            " and login.acme.example: browsers send our cookie from there only",
            id="a classic page of another site",
        ),
        pytest.param(
            in_table("realms.Acme", 'login_page = "classic"\nservice_account = true\npasskeys = "require"'),
            'realms.Acme.login_page: does not go with passkeys = "require": a page of the sidecar asks for it, and here'
            " there is none",
            id="a classic page that passkeys are required on",
        ),
        pytest.param(
            changed("[realms.Acme.connections.email]\n", "[realms.Acme.connections.E-Mail]\n"),
            "realms.Acme.connections.E-Mail: must be lower-case letters, digits, '.', '_' or '-'",
            id="bad connection name",
        ),
        pytest.param(
            in_table("realms.Acme.connections.email", "lifetime_s = 300.7"),
            "realms.Acme.connections.email.lifetime_s: must be a whole number",
            id="part of a second",
        ),
        pytest.param(
            in_table("realms.Acme.connections.email", 'id = "other"'),
            "realms.Acme.connections.email.id: is no setting: see docs/settings.md for the list, or mend the spelling",
            id="a name of its own",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_key_and_fix(refusal, text, line):
    key = line.partition(": ")[0]
    first, *others = refusal(text)
    assert first == line
    assert all(other.startswith(f"{key}.") for other in others)


@pytest.mark.parametrize(
    "weak",
    [
        "short",
        "k" * 64,
        "abababababababababababababababababababab",
        "change-me-change-me-change-me-0123456789",
        "my-secret-key-is-long-enough-0123456789",
        "password-password-password-0123456789xyz",
        "12345678901234567890123456789012345abcde",
    ],
)
def test_a_weak_secret_is_refused_and_not_repeated(refusal, weak):
    (line,) = refusal(changed(KEY, weak))
    assert line.startswith("server.secret_keys.0: is weak")
    assert "passwordless config secret" in line
    assert weak not in line


def test_a_weak_secret_behind_a_good_one_is_refused_too(refusal):
    (line,) = refusal(changed(f'["{KEY}"]', f'["{KEY}", "short"]'))
    assert line.startswith("server.secret_keys.1: is weak")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_http_is_taken_on_this_machine_only(load_text, host):
    loaded = load_text(changed("https://login.example.org", f"http://{host}:5080"))
    assert loaded.server.public_url == f"http://{host}:5080"


def test_all_errors_come_at_once(refusal):
    text = """
        [server]
        public_url = "http://login.example.org"
        secret_keys = ["short"]
        colour = "blue"
        [providers.smtp]
        type = "smtp"
        port = 0
        [realms.Acme.connections.email]
        strategy = "email"
        digits = 9
        """
    keys = {line.partition(": ")[0] for line in refusal(text)}
    assert keys == {
        "server.public_url",
        "server.secret_keys.0",
        "server.colour",
        "keycloak",
        "providers.smtp.port",
        "providers.smtp.host",
        "providers.smtp.sender",
        "realms.Acme.connections.email.digits",
        "realms.Acme.connections.email.providers",
    }


def test_nothing_at_all_names_every_table_that_is_needed():
    with pytest.raises(SettingsError) as refused:
        load(None, {})
    for table in ("server", "keycloak", "providers", "realms"):
        assert f"  {table}: is missing" in str(refused.value)


def test_a_missing_file_names_the_command_that_writes_one(tmp_path):
    with pytest.raises(SettingsError, match=r"there is no settings file .*passwordless config init"):
        load(tmp_path / "none.toml", {})


def test_a_file_that_is_no_toml_is_refused_with_the_place(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("[server\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"broken\.toml can't be read: .*line 1"):
        load(path, {})


class TestEnvironment:
    def test_it_wins_over_the_file(self, load_text):
        loaded = load_text(WHOLE, PASSWORDLESS__SERVER__PUBLIC_URL="https://sso.example.org")
        assert loaded.server.public_url == "https://sso.example.org"

    def test_values_are_toml_where_they_are(self, load_text):
        loaded = load_text(
            WHOLE,
            PASSWORDLESS__SERVER__TRUSTED_HOPS="2",
            PASSWORDLESS__SERVER__EMBEDDED_WORKER="false",
            PASSWORDLESS__SERVER__SECRET_KEYS=f'["{OTHER_KEY}", "{KEY}"]',
        )
        assert loaded.server.trusted_hops == 2
        assert loaded.server.embedded_worker is False
        assert [OTHER_KEY, KEY] == [key.reveal() for key in loaded.server.secret_keys]

    def test_names_are_found_in_the_case_that_the_file_has(self, load_text):
        loaded = load_text(WHOLE, PASSWORDLESS__REALMS__ACME__CONNECTIONS__EMAIL__DIGITS="8")
        assert ["Acme"] == list(loaded.realms)
        assert loaded.realms["Acme"].connections["email"].digits == 8

    def test_a_file_is_not_needed(self):
        loaded = load(
            None,
            {
                "PASSWORDLESS__SERVER__PUBLIC_URL": "https://login.example.org",
                "PASSWORDLESS__SERVER__SECRET_KEYS": f'["{KEY}"]',
                "PASSWORDLESS__KEYCLOAK__URL": "https://id.example.org",
                "PASSWORDLESS__PROVIDERS__SMTP__TYPE": "smtp",
                "PASSWORDLESS__PROVIDERS__SMTP__HOST": "smtp.example.org",
                "PASSWORDLESS__PROVIDERS__SMTP__SENDER": "login@example.org",
                "PASSWORDLESS__REALMS__ACME__CONNECTIONS__EMAIL__STRATEGY": "email",
                "PASSWORDLESS__REALMS__ACME__CONNECTIONS__EMAIL__PROVIDERS": '["smtp"]',
            },
        )
        assert ["acme"] == list(loaded.realms)

    def test_what_it_gets_wrong_is_refused_like_the_file(self, refusal):
        (line,) = refusal(WHOLE, PASSWORDLESS__SERVER__TRUSTED_HOP="1")
        assert line.startswith("server.trusted_hop: is no setting")

    def test_a_variable_into_a_key_that_is_no_table_is_refused_by_its_name(self, load_text):
        with pytest.raises(SettingsError, match="PASSWORDLESS__SERVER__PUBLIC_URL__X"):
            load_text(WHOLE, PASSWORDLESS__SERVER__PUBLIC_URL__X="1")

    def test_other_variables_are_left_alone(self, load_text):
        load_text(WHOLE, PASSWORDLESS_SETTINGS="x", PASSWORDLESS="y", HOME="/")


def test_no_secret_shows_in_any_printed_form(load_text):
    loaded = load_text(
        in_table("providers.smtp", 'username = "login"\npassword = "hunter22hunter22"'),
        PASSWORDLESS__DATABASE__URL="postgresql://u:dbpass4711@db/x",
    )
    for shown in (repr(loaded), str(loaded), f"{loaded.server}", f"{loaded.providers}", f"{loaded.database}"):
        assert KEY not in shown
        assert "hunter22" not in shown
        assert "dbpass4711" not in shown


def test_a_secret_says_whether_there_is_one_and_no_more():
    assert bool(Secret("x"))
    assert not Secret("")
    assert f"{Secret('x')}" == "Secret('***')" == repr(Secret("x"))


def test_settings_are_frozen(load_text):
    loaded = load_text(WHOLE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.server.public_url = "https://evil.example.net"


def test_the_file_that_config_init_writes_can_be_used(load_text):
    loaded = load_text(_EXAMPLE.format(secret=KEY))
    assert ["example"] == list(loaded.realms)


TWILIO = """
[providers.twilio]
type = "twilio"
account_sid = "AC0123456789abcdef0123456789abcdef"
auth_token = "fedcba9876543210fedcba9876543210"
sender = "+15005550006"
"""


def test_a_twilio_account_is_taken(load_text):
    provider = load_text(WHOLE + TWILIO).providers["twilio"]

    assert ("https://api.twilio.com", False, frozenset({"sms"})) == (
        provider.url,
        provider.private_network,
        provider.carries,
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('"AC0', '"AD0', "account_sid: must be AC and 32 digits of 0-9 and a-f"),
        ("auth_token", "#", "auth_token: is missing: set it, or api_key and api_secret"),
        (
            "auth_token",
            'api_key = "SK0123456789abcdef0123456789abcdef"\n#',
            "api_key: goes with api_secret: set both or neither",
        ),
        ("sender", "#", "sender: or messaging_service_sid must be set, and not both"),
        (
            "sender",
            'messaging_service_sid = "MG0123456789abcdef0123456789abcdef"\nsender',
            "sender: or messaging_service_sid must be set, and not both",
        ),
        (
            "sender",
            'url = "http://10.0.0.1"\nsender',
            "url: must be https (http is for a gateway with private_network = true)",
        ),
        ('"twilio"', '"sms"', "type: must be one of: smtp, webhook, twilio, apprise, console"),
    ],
)
def test_a_twilio_account_that_could_not_send_is_refused(refusal, old, new, line):
    assert [f"providers.twilio.{line}"] == refusal(WHOLE + TWILIO.replace(old, new, 1))


def test_a_language_without_texts_is_refused_with_those_that_there_are(refusal):
    (line,) = refusal(changed("[realms.Acme]\n", '[realms.Acme]\nlocales = ["en", "tlh"]\n'))
    assert line.startswith("realms.Acme.locales.1: there are no texts in 'tlh': there are ar, ca, cs, ")
    assert line.endswith("uk, vi, zh-CN, zh-TW")


@pytest.mark.parametrize(("written", "meant"), [("pt_BR", "pt-BR"), ("zh-cn", "zh-CN"), ("DE", "de")])
def test_a_language_by_another_spelling_is_refused_with_ours(refusal, written, meant):
    (line,) = refusal(changed("[realms.Acme]\n", f'[realms.Acme]\nlocales = ["{written}"]\n'))
    assert line == f"realms.Acme.locales.0: there are no texts in '{written}': write '{meant}'"


def test_a_language_is_named_once(refusal):
    (line,) = refusal(changed("[realms.Acme]\n", '[realms.Acme]\nlocales = ["de", "de"]\n'))
    assert line == "realms.Acme.locales: names one twice"


def test_all_languages_can_be_had(load_text):
    every = sorted(locales())
    settings = load_text(changed("[realms.Acme]\n", f"[realms.Acme]\nlocales = {every}\n".replace("'", '"')))
    assert settings.realms["Acme"].locales == tuple(every)


APPRISE = """
[providers.many]
type = "apprise"
url = "jsons://key:hush@gateway.example.org/?:to={recipient}"
"""


def test_an_apprise_url_is_a_secret_for_one_number(load_text):
    provider = load_text(WHOLE + APPRISE).providers["many"]

    assert ("jsons", frozenset({"sms"})) == (provider.schema, provider.carries)
    assert "hush" not in repr(provider)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("jsons:", "json:", "must begin with jsons (json is for private_network = true)"),
        ("{recipient}", "+15005550006", "must have {recipient} once, where the number goes"),
        ("{recipient}", "{recipient}&:cc={recipient}", "must have {recipient} once, where the number goes"),
        *(
            (old, new, "must begin with one of: 46elks, atalk, bulksms,")
            for old, new in [
                ("jsons:", "syslog:"),
                ("jsons:", "dbus:"),
                ("jsons:", "mailtos:"),
                ("jsons:", "smpp:"),
                ("jsons:", "kavenegar:"),
                ("jsons:", "https:"),
                ("jsons:", ""),
                ("jsons://", "jsons:"),
            ]
        ),
    ],
)
def test_an_apprise_url_that_is_none_for_one_number_is_refused_and_not_repeated(refusal, old, new, line):
    (said,) = refusal(WHOLE + APPRISE.replace(old, new, 1))

    assert said.startswith(f"providers.many.url: {line}")
    assert "hush" not in said


CONSOLE = changed(
    'type = "smtp"\nhost = "smtp.example.org"\nsender = "Acme <login@example.org>"', 'type = "console"'
)


def test_a_console_prints_messages_for_this_machine_only(load_text, refusal):
    """F11: in production it would print codes."""
    at_home = load_text(CONSOLE.replace("https://login.example.org", "http://localhost:5080"))

    assert at_home.realms["Acme"].connections["email"].providers == ("smtp",)
    (said,) = refusal(CONSOLE)
    assert said == (
        "realms.Acme.connections.email.providers: names 'smtp', which only prints messages: that is for a"
        " server.public_url on localhost"
    )
