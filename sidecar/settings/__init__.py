"""What an operator may set: one TOML file and the environment, read once at start into frozen objects.

`load()` is the only reader. Each key that is unknown, missing, weak or out of range stops the start with a
`SettingsError` that names the key and the way to mend it; all of them at once, not one a start.
`docs/settings.md` lists every key, and a test holds the two together.
"""

from sidecar.settings.keycloak import Keycloak
from sidecar.settings.read import ENVIRONMENT_PREFIX, load
from sidecar.settings.schema import SettingsSchema
from sidecar.settings.values import (
    ANY_COUNTRY,
    APPRISE_RECIPIENT,
    APPRISE_SCHEMAS,
    BASE64_SECRET,
    CLASSIC_THEME,
    LOGO,
    UNIVERSAL_THEME,
    AppriseProvider,
    Branding,
    Client,
    Connection,
    ConsoleProvider,
    Database,
    Limits,
    Logo,
    Metrics,
    PinnedAddress,
    Provider,
    Pumping,
    Realm,
    Retention,
    Secret,
    Server,
    Settings,
    SmtpProvider,
    Traces,
    TwilioProvider,
    WebhookProvider,
)

__all__ = [
    "ANY_COUNTRY",
    "APPRISE_RECIPIENT",
    "APPRISE_SCHEMAS",
    "BASE64_SECRET",
    "CLASSIC_THEME",
    "ENVIRONMENT_PREFIX",
    "LOGO",
    "UNIVERSAL_THEME",
    "AppriseProvider",
    "Branding",
    "Client",
    "Connection",
    "ConsoleProvider",
    "Database",
    "Keycloak",
    "Limits",
    "Logo",
    "Metrics",
    "PinnedAddress",
    "Provider",
    "Pumping",
    "Realm",
    "Retention",
    "Secret",
    "Server",
    "Settings",
    "SettingsSchema",
    "SmtpProvider",
    "Traces",
    "TwilioProvider",
    "WebhookProvider",
    "load",
]
