"""Keycloak's own sentences that a sign-in may show: each language has them, from Keycloak or, where it has none, us."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter

import javaproperties
import pytest

from sidecar.assets import THEMES, locales

pytestmark = pytest.mark.keycloak

#: Keycloak's pages that our flows lead to: sign-in, passkey, "account exists", linking, sign-out, and what went wrong.
PAGES = (
    *(
        "template",
        "field",
        "login",
        "login-username",
        "login-password",
        "password-commons",
        "social-providers",
    ),
    *("select-authenticator", "passkeys", "webauthn-authenticate", "webauthn-register", "webauthn-error"),
    *("login-idp-link-confirm", "link-idp-action", "logout-confirm", "login-page-expired", "info", "error"),
)
#: What Keycloak's code says on them: buttons by their label, messages, ways to sign in.
SAID = {
    *("loginTitle", "doBack", "doCancel", "doContinue", "doSubmit", "doTryAgain", "logoutConfirmTitle"),
    *("invalidUserMessage", "invalidUsernameMessage", "invalidPasswordMessage", "missingUsernameMessage"),
    *("missingPasswordMessage", "accountDisabledMessage", "accountTemporarilyDisabledMessage"),
    *("accountPermanentlyDisabledMessage", "alreadyLoggedIn", "differentUserAuthenticated", "reauthenticate"),
    *(
        "loginTimeout",
        "expiredCodeMessage",
        "expiredActionMessage",
        "cookieNotFoundMessage",
        "sessionLimitExceeded",
    ),
    *(
        "sessionNotActiveMessage",
        "successLogout",
        "failedLogout",
        "access-denied",
        "access-denied-when-idp-auth",
    ),
    *(
        "federatedIdentityExistsMessage",
        "federatedIdentityConfirmLinkMessage",
        "nestedFirstBrokerFlowMessage",
    ),
    *("federatedIdentityConfirmReauthenticateMessage", "federatedIdentityUnavailableMessage"),
    *("identityProviderUnexpectedErrorMessage", "identityProviderAlreadyLinkedMessage"),
    *("identityProviderNotFoundMessage", "identityProviderMissingStateMessage"),
    *("identityProviderMissingCodeOrErrorMessage", "identityProviderInvalidResponseMessage"),
    *("couldNotObtainTokenMessage", "unexpectedErrorRetrievingTokenMessage"),
    *(
        "unexpectedErrorHandlingRequestMessage",
        "unexpectedErrorHandlingResponseMessage",
        "invalidRequestMessage",
    ),
    *("internalServerError", "clientNotFoundMessage", "clientDisabledMessage", "invalidRedirectUriMessage"),
    *("pageNotFound", "auth-username-form-display-name", "auth-username-form-help-text"),
    *("password-display-name", "password-help-text", "webauthn-display-name", "webauthn-help-text"),
    *("webauthn-passwordless-display-name", "webauthn-passwordless-help-text"),
}
#: What Keycloak's files are called where it isn't the language's tag.
KEYCLOAKS_NAMES = {"zh-CN": "zh_Hans", "zh-TW": "zh_Hant"}
TRANSLATIONS = [locale for locale in locales() if locale != "en"]
ARGUMENT = re.compile(r"\{\d\}")


class Theme:
    """Keycloak's login themes, `base` and over it `keycloak.v2`, out of its jar."""

    def __init__(self, jar):
        self._jar = zipfile.ZipFile(jar)
        self._names = set(self._jar.namelist())

    def _read(self, name):
        return self._jar.read(name).decode("utf-8") if name in self._names else ""

    def texts(self, locale):
        name = KEYCLOAKS_NAMES.get(locale, locale.replace("-", "_"))
        files = (
            self._read(f"theme/{theme}/login/messages/messages_{name}.properties")
            for theme in ("base", "keycloak.v2")
        )
        return {key: text for file in files for key, text in javaproperties.load(io.StringIO(file)).items()}

    def keys_on(self, page):
        page_of = [self._read(f"theme/{theme}/login/{page}.ftl") for theme in ("keycloak.v2", "base")]
        shown = next(text for text in page_of if text)
        return set(re.findall(r"""[mM]sg\(\s*['"]([\w.-]+)['"]""", shown))

    def languages(self):
        return set(
            javaproperties.loads(self._read("theme/base/login/theme.properties"))["locales"].split(",")
        )


@pytest.fixture(scope="module")
def theme(keycloak_distribution_folder):
    (jar,) = (keycloak_distribution_folder / "lib" / "lib" / "main").glob(
        "org.keycloak.keycloak-themes-2*.jar"
    )
    return Theme(jar)


@pytest.fixture(scope="module")
def needed(theme):
    """The sentences in English; names of icons for copying, which no page of ours has, left out."""
    english = theme.texts("en")
    keys = {key for page in PAGES for key in theme.keys_on(page) if not key.startswith("code-")}
    missing = SAID - set(english)
    assert missing == set(), "no texts of this Keycloak"
    return {key: english[key] for key in (keys | SAID) & set(english)}


def own(locale):
    with locales()[locale].open(encoding="utf-8") as file:
        return javaproperties.load(file)


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_no_sentence_of_a_sign_in_falls_back_to_english(theme, needed, locale):
    assert set(needed) - set(theme.texts(locale)) - set(own(locale)) == set()


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_we_say_only_what_keycloak_does_not(theme, needed, locale):
    """Its own sentence wins as soon as there is one: delete ours then. Of `no`, a copy of `nb`, Keycloak has some."""
    ours = {key for key in own(locale) if key in needed}
    assert locale == "no" or ours & set(theme.texts(locale)) == set()


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_our_sentence_has_the_arguments_of_keycloaks(needed, locale):
    texts = {key: text for key, text in own(locale).items() if key in needed}
    for key, text in texts.items():
        assert Counter(ARGUMENT.findall(text)) == Counter(ARGUMENT.findall(needed[key])), key
        assert text != needed[key] or key == "loginTitleHtml", key


@pytest.mark.parametrize("locale", TRANSLATIONS)
def test_there_is_no_other_key_of_keycloaks(theme, needed, locale):
    """A key that is neither ours nor on a page of the way is one that nobody keeps up."""
    assert {key for key in own(locale) if key in theme.texts("en")} - set(needed) - {"languages"} == set()


def test_the_admin_console_offers_keycloaks_languages_and_ours(theme):
    with (THEMES / "passwordless" / "login" / "theme.properties").open(encoding="utf-8") as file:
        offered = set(javaproperties.load(file)["locales"].split(","))
    assert offered == theme.languages() | set(locales())
