"""Where `themes/`, `realm-config/` and `examples/` are, in a checkout or in an installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_assets"

#: The folder that holds them.
ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
THEMES = ROOT / "themes"
REALM_CONFIG = ROOT / "realm-config"
EXAMPLES = ROOT / "examples"
#: The message files of the login theme, `messages_pt_BR.properties`: Keycloak and the sidecar read the same ones.
MESSAGES = THEMES / "passwordless" / "login" / "messages"


def locales(folder: Path = MESSAGES) -> dict[str, Path]:
    """The languages that there are texts for: BCP 47 tag (`pt-BR`) → message file."""
    return {
        path.stem.removeprefix("messages_").replace("_", "-"): path
        for path in sorted(folder.glob("messages_*.properties"))
    }
