"""Which advisories a realm is told of, by Keycloak's version and by what is in the realm."""

from __future__ import annotations

import re

import pytest

from sidecar.keycloak.advisories import ADVISORIES, advisories_of
from sidecar.keycloak.versions import TESTED, parsed

OURS = {
    "alias": "email",
    "providerId": "oidc",
    "firstBrokerLoginFlowAlias": "ours",
    "config": {"validateSignature": "true"},
}
STOCK = {"ours": {"idp-create-user-if-unique"}, "stock": {"idp-email-verification"}}


def told(version, *providers):
    return {it.cve for it, _ in advisories_of(version, [OURS, *providers], STOCK)}


def provider(kind, flow="ours", **config):
    return {"alias": "theirs", "providerId": kind, "firstBrokerLoginFlowAlias": flow, "config": config}


def test_a_realm_of_ours_alone_on_the_newest_tested_version_is_told_nothing():
    assert told(TESTED[-1]) == set()


@pytest.mark.parametrize(
    ("version", "is_open"),
    [
        ("26.7.1", True),
        ("26.7.2", False),
        ("26.6.5", True),
        ("26.6.6", False),
        ("26.8.0", False),
        ("26.5.9", True),
        ("26.4.99", True),
    ],
)
def test_each_line_has_a_first_fixed_version(version, is_open):
    assert ("CVE-2026-15571" in told(version)) is is_open


@pytest.mark.parametrize(
    ("there", "cve"),
    [
        (provider("saml"), "CVE-2026-16442"),
        (provider("oidc", validateSignature="false"), "CVE-2026-18569"),
        (provider("oidc", validateSignature="true", clientSecret="**********"), "CVE-2026-15943"),
        (provider("github", "stock"), "CVE-2026-82968"),
    ],
)
def test_an_advisory_is_told_where_it_concerns_the_realm(there, cve):
    assert cve not in told("26.7.0")
    assert cve in told("26.7.0", there)
    assert cve not in told("26.8.1", there)


def test_a_proof_by_mail_concerns_whoever_uses_it():
    assert "CVE-2026-9087" in told("26.6.2", provider("oidc", "stock", validateSignature="true"))
    assert "CVE-2026-9087" not in told("26.6.3", provider("oidc", "stock", validateSignature="true"))
    assert "CVE-2026-9087" not in told("26.6.2")


def test_the_providers_that_it_concerns_are_named():
    there = provider("oidc", validateSignature="false")
    assert [
        names for it, names in advisories_of("26.8.0", [OURS, there], STOCK) if it.concerns == "unsigned"
    ] == [["theirs"]]


def test_the_table_is_well_formed():
    for advisory in ADVISORIES:
        assert re.fullmatch(r"CVE-20\d\d-\d{4,}", advisory.cve)
        assert all(parsed(it) > (26, 0, 0) for it in advisory.fixed)
    assert len({it.cve for it in ADVISORIES}) == len(ADVISORIES)
