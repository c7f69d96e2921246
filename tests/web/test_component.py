"""The JavaScript that pages of applications load: whole, typed, in every language, and kept by browsers."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest

from sidecar.api import schemas
from sidecar.assets import THEMES
from sidecar.web.component import FILES, texts
from sidecar.words import Catalogue

FOLDER = THEMES / "passwordless-classic" / "login" / "resources" / "js"
CATALOGUE = Catalogue()
#: `(key): "text"` of the English texts in JavaScript.
PAIR = re.compile(r'^  "?([A-Za-z.]+)"?: "(.*)",$', re.MULTILINE)


def source(name):
    return (FOLDER / name).read_text("utf-8")


def test_its_files_are_served_to_pages_of_any_origin(browser):
    for name, kind in FILES.items():
        answer = browser.get(f"/sdk/{name}")
        assert (200, kind) == (answer.status_code, answer.mimetype)
        assert "*" == answer.headers["Access-Control-Allow-Origin"]
        assert "cross-origin" == answer.headers["Cross-Origin-Resource-Policy"]
        assert source(name) == answer.get_data(as_text=True)
    assert 404 == browser.get("/sdk/theme.properties").status_code


def test_under_its_version_it_is_kept_and_under_another_the_newest_is_found(browser):
    plain = browser.get("/sdk/passwordless-login.js")
    assert "public, max-age=3600" == plain.headers["Cache-Control"]
    versioned = browser.get(plain.headers["Content-Location"])
    assert "immutable" in versioned.headers["Cache-Control"]
    for path in ("passwordless-login.js", "texts/de.json"):
        old = browser.get(f"/sdk/0123456789ab/{path}")
        assert (302, f"/sdk/{path}") == (old.status_code, urljoin(f"/sdk/0123456789ab/{path}", old.location))


def test_it_says_in_english_what_our_pages_say():
    said = {key: text.replace('\\"', '"') for key, text in PAIR.findall(source("passwordless-texts.js"))}

    assert texts(CATALOGUE.words("en")) == said


@pytest.mark.parametrize("locale", CATALOGUE.locales)
def test_it_has_every_text_in_every_language(browser, locale):
    answer = browser.get(f"/sdk/texts/{locale}.json")

    assert texts(CATALOGUE.words(locale)) == answer.json
    names = {name.partition(".")[0] for name in answer.json}
    assert {name.partition(".")[0] for name in texts(CATALOGUE.words("en"))} == names


@pytest.mark.parametrize("module", ["passwordless-client", "passwordless-login"])
def test_its_types_name_just_what_it_exports(module):
    exported = names_of(source(f"{module}.js"))
    declared = names_of(re.sub(r"export (interface|type) .*", "", source(f"{module}.d.ts")))

    assert exported == declared != set()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("passwordless-client", "Passwordless"),
        ("passwordless-client", "PasswordlessError"),
        ("passwordless-login", "PasswordlessLogin"),
    ],
)
def test_its_types_name_just_the_members_of_its_classes(module, name):
    """But for what browsers call by themselves."""
    code, types = (
        re.search(rf"class {name}.*?\n\}}", source(f"{module}.{suffix}"), re.DOTALL)[0]
        for suffix in ("js", "d.ts")
    )
    methods = set(re.findall(r"^  (?:async )?([a-z]\w*)\(.*\{$", code, re.MULTILINE))
    fields = set(re.findall(r"^ +this\.([a-zA-Z]\w*) = ", code, re.MULTILINE)) - {"name"}
    fields |= set(re.findall(r"^  ([a-z]\w*) = ", code, re.MULTILINE))

    declared = set(re.findall(r"^  (?:readonly )?([a-zA-Z]\w*)\??[(:]", types, re.MULTILINE))
    assert methods | fields | {"constructor"} - {"connectedCallback"} >= declared
    assert (methods | fields) - {"connectedCallback", "disconnectedCallback"} - declared == set()


def test_its_challenge_has_just_what_the_api_answers():
    declared = re.search(r"interface Challenge \{(.*?)\}", source("passwordless-client.d.ts"), re.DOTALL)[1]

    assert set(schemas.Challenge().fields) == set(re.findall(r"^  (\w+):", declared, re.MULTILINE))


def names_of(text):
    """What a module exports, by declaration or by list."""
    listed = {
        it.strip()
        for part in re.findall(r"^export \{(.*?)\};$", text, re.MULTILINE)
        for it in part.split(",")
    }
    return listed | set(
        re.findall(r"^export (?:declare )?(?:class|const|function) (\w+)", text, re.MULTILINE)
    )
