"""Where the operator's files are: `themes/` and `realm-config/`, in a checkout or in an installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_assets"

#: The folder that holds `themes/` and `realm-config/`.
ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
THEMES = ROOT / "themes"
REALM_CONFIG = ROOT / "realm-config"
