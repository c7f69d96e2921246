"""What a realm is told of Keycloak's version: too old, newer than was tried, or what it lacks of what is asked for."""

from __future__ import annotations

import re

import pytest

from sidecar.keycloak.versions import LACKS, NEWEST_LINE, OLDEST_LINE, TESTED, examine_version, parsed
from tests import matrix
from tests.docs.markdown import ROOT


@pytest.fixture
def told(make_settings):
    def told(version, **realm):
        return list(examine_version(version, make_settings(**realm).realms["acme"]))

    return told


@pytest.mark.parametrize("version", ["26.3.5", "25.0.6", "999.0.0-SNAPSHOT", "nightly"])
def test_a_version_beyond_the_supported_is_named_with_what_to_do(told, version):
    (finding,) = told(version, passkeys="allow")
    is_newer = parsed(version) > parsed(TESTED[-1])
    assert finding.severity == ("note" if is_newer else "warning")
    assert version in finding.what
    assert ("newer than the newest" if is_newer else f"older than {OLDEST_LINE}") in finding.what
    assert (version if is_newer else f"upgrade Keycloak to {TESTED[-1]}") in finding.mend


@pytest.mark.parametrize("version", [*TESTED, "26.4.0", "26.6.6", "26.7.99"])
def test_a_supported_version_is_told_nothing_where_the_realm_asks_for_nothing_that_it_lacks(told, version):
    assert told(version) == []


def test_what_a_version_lacks_is_told_where_the_realm_asks_for_it(told):
    for version in ("26.4.7", "26.6.99"):
        (finding,) = told(version, passkeys="allow")
        assert finding.severity == "note"
        assert finding.what == (
            f"Keycloak {version} has no setting for how passkeys are offered (webAuthnPolicyPasswordlessMediation);"
            " 26.7 has"
        )
        assert finding.why
        assert finding.mend
    assert told("26.7.0", passkeys="allow") == []


def test_languages_that_a_version_does_not_speak_are_told_where_the_realm_offers_them(told):
    offered = {"locales": ("en", "ro", "id", "vi")}
    for version, tags in {"26.4.7": "ro id vi", "26.5.6": "id vi", "26.6.0": "vi", "26.7.0": ""}.items():
        named = [re.search(r"\((\w+)\)", it.what)[1] for it in told(version, **offered)]
        assert named == tags.split()
        assert told(version, locales=("en", "de")) == []


def test_a_version_that_can_not_be_seen_is_said(told):
    (finding,) = told("")
    assert (finding.severity, "can't see Keycloak's version" in finding.what) == ("note", True)


def test_the_versions_are_those_of_the_matrix_and_of_the_documentation():
    assert matrix.VERSIONS == TESTED
    assert parsed(TESTED[0])[:2] == parsed(f"{OLDEST_LINE}.0")[:2]
    assert parsed(TESTED[-1])[:2] == parsed(f"{NEWEST_LINE}.0")[:2]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Keycloak {OLDEST_LINE} to {NEWEST_LINE} is supported" in readme
    page = (ROOT / "docs/keycloak-versions.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| (26\.\d+\.\d+) \|", page, re.MULTILINE)) == TESTED
    for lack in LACKS:
        assert lack.since in page
        assert re.search(r"\((\w+)\)", lack.what)[1] in page
