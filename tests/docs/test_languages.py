"""The list of languages in the documentation is the one that there are texts for."""

from __future__ import annotations

from babel.core import Locale

from sidecar.assets import locales
from tests.docs.markdown import DOCS, ROOT, rows

TEXT = (DOCS / "languages.md").read_text(encoding="utf-8")
#: Norwegian under Keycloak's own name; the text says so.
SECOND_NAMES = {"no"}


def test_the_table_has_every_language_by_its_names():
    listed = {tag.strip("`"): (english, own) for tag, english, own in rows(TEXT)}
    assert set(listed) == set(locales()) - SECOND_NAMES
    for tag, names in listed.items():
        locale = Locale.parse(tag, sep="-")
        assert names == (locale.get_display_name("en"), locale.get_display_name())


def test_their_number_is_the_one_that_is_told():
    number = len(set(locales()) - SECOND_NAMES)
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", DOCS / "languages.md"):
        assert f"{number} languages" in page.read_text(encoding="utf-8"), page.name
    assert f"# of {number}:" in (DOCS / "enable.md").read_text(encoding="utf-8")
