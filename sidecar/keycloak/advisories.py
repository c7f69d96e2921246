"""Advisories of Keycloak that concern brokering, and which of them concern a realm.

Each was looked up: its number, what it says, and the versions in which Keycloak's own release notes, or the labels of
Keycloak's own issue, call it fixed. The table is of November 2026; what came later is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sidecar.keycloak.versions import parsed

_MAIL_PROOF = "idp-email-verification"

#: Which realms an advisory concerns, by what is in them.
Concerns = Literal["all", "saml", "mail proof", "social mail proof", "unsigned", "client secret"]
_OPEN_PROTOCOLS = {"oidc", "keycloak-oidc", "saml", "oauth2"}


@dataclass(frozen=True, kw_only=True)
class Advisory:
    """`fixed` has the first fixed version of each line; lines after the newest of them have the fix.

    `workaround` closes it without an upgrade, where its own text or what it is about says how.
    """

    cve: str
    issue: int
    what: str
    concerns: Concerns
    fixed: tuple[str, ...]
    workaround: str = ""

    def is_fixed_in(self, version: str) -> bool:
        mine = parsed(version)
        fixes = sorted(map(parsed, self.fixed))
        same_line = [it for it in fixes if it[:2] == mine[:2]]
        return mine >= same_line[0] if same_line else mine >= fixes[-1]


ADVISORIES = (
    Advisory(
        cve="CVE-2026-2603",
        issue=46911,
        what="a SAML identity provider that is disabled still signs in by itself",
        concerns="saml",
        fixed=("26.2.14", "26.4.10", "26.5.5"),
    ),
    Advisory(
        cve="CVE-2026-9087",
        issue=49175,
        what="the proof by mail at a first broker login is not bound to the identity that was proven, so another"
        " account of the same provider can be linked with it",
        concerns="mail proof",
        fixed=("26.4.13", "26.6.3"),
        workaround="take the step idp-email-verification out of the provider's first login flow",
    ),
    Advisory(
        cve="CVE-2026-16442",
        issue=51470,
        what="a login that a SAML identity provider starts passes by the provider's restriction to linking",
        concerns="saml",
        fixed=("26.4.14", "26.6.5", "26.7.1", "26.8.0"),
    ),
    Advisory(
        cve="CVE-2026-15571",
        issue=51832,
        what="the hash that guards client-initiated account linking can be foretold by a client, which can then link"
        " a victim's account to an identity of its own",
        concerns="all",
        fixed=("26.6.6", "26.7.2", "26.8.0"),
    ),
    Advisory(
        cve="CVE-2026-15943",
        issue=50945,
        what="a changed token URL of an OpenID identity provider is sent the client secret that was set before",
        concerns="client secret",
        fixed=("26.8.1",),
    ),
    Advisory(
        cve="CVE-2026-18569",
        issue=51381,
        what="forged logout tokens are taken for an identity provider whose signatures are not validated",
        concerns="unsigned",
        fixed=("26.8.1",),
        workaround="switch on 'Validate signatures' of the provider",
    ),
    Advisory(
        cve="CVE-2026-82968",
        issue=52321,
        what="the proof of a link is not bound to the identity at a social provider, so another account there can"
        " be linked to the victim's",
        concerns="social mail proof",
        fixed=("26.8.1",),
        workaround="take the step idp-email-verification out of the provider's first login flow",
    ),
)


def advisories_of(
    version: str, providers: Sequence[Mapping[str, Any]], flows: Mapping[str, set[str]]
) -> list[tuple[Advisory, list[str]]]:
    """The advisories that are open in this version and concern a realm, and the aliases of the providers that they do.

    Args:
        version: Keycloak's.
        providers: the realm's identity providers, as the admin API gives them.
        flows: the authenticators that are on in each first broker login flow, by the flow's alias.
    """
    found = []
    for advisory in ADVISORIES:
        concerned = [it["alias"] for it in providers if advisory.concerns in _kinds(it, flows)]
        if concerned and not advisory.is_fixed_in(version):
            found.append((advisory, concerned))
    return found


def _kinds(provider: Mapping[str, Any], flows: Mapping[str, set[str]]) -> set[Concerns]:
    kinds: set[Concerns] = {"all"}
    config, kind = provider.get("config", {}), provider["providerId"]
    if kind == "saml":
        kinds.add("saml")
    if kind in {"oidc", "keycloak-oidc"} and config.get("validateSignature") != "true":
        kinds.add("unsigned")
    if kind in {"oidc", "keycloak-oidc"} and config.get("clientSecret"):
        kinds.add("client secret")
    if _MAIL_PROOF in flows.get(provider.get("firstBrokerLoginFlowAlias") or "", ()):
        kinds.add("mail proof")
        if kind not in _OPEN_PROTOCOLS:
            kinds.add("social mail proof")
    return kinds
