"""Whether a login page can drive the API: Keycloak and the sidecar on one site, and no page of ours in between."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError

from sidecar.settings.values import CLASSIC_THEME, Realm


def require_possible(keycloak_url: str, public_url: str, realms: Iterable[Realm]) -> None:
    """Refuse what can't work: browsers keep our cookie to our own site (HTML Standard, "site").

    A site is a registrable domain, of at least two labels. Which ones are registrable is not known here, so two hosts
    with the same two last labels may still be of two sites: their pages are as without a script then.

    Raises:
        ValidationError: names the key.
    """
    is_one_site = _site(urlsplit(keycloak_url)) == _site(urlsplit(public_url))
    for realm in (it for it in realms if it.has_classic):
        if not is_one_site:
            raise ValidationError(
                "needs keycloak.url and server.public_url on one site, like id.acme.example and login.acme.example:"
                " browsers send our cookie from there only",
                _key(realm),
            )
        if realm.passkeys == "require":
            raise ValidationError(
                'does not go with passkeys = "require": a page of the sidecar asks for it, and here there is none',
                _key(realm),
            )


def _key(realm: Realm) -> str:
    if realm.login_page == "classic":
        return f"realms.{realm.name}.login_page"
    client = next(it for it in realm.clients.values() if it.theme == CLASSIC_THEME)
    return f"realms.{realm.name}.clients.{client.client_id}.theme"


def _site(url: SplitResult) -> tuple[str, str]:
    host = url.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return url.scheme, ".".join(host.split(".")[-2:])
    return url.scheme, host
