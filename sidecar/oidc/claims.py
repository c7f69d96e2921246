"""What the ID token says (OpenID Connect Core §2, §5.1)."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from sidecar.model.address import is_number
from sidecar.model.proof import ACR_SINGLE_FACTOR, EMAIL, USERNAME, Grant
from sidecar.oidc import CLIENT_ID

ID_TOKEN_LIFETIME_S = 60
# What Keycloak takes in a user name without asking the person to mend it.
_TAKEN_AS_USERNAME = re.compile(r"[a-z0-9._@+-]+")


def id_token_claims(grant: Grant, *, issuer: str) -> dict[str, Any]:
    """The claims for a spent grant. Protocol claims stand last, so that nothing about a person can replace them."""
    now = int(time.time())
    about_person = {
        **_withholding(_proven(grant.address), grant),
        "preferred_username": _username(grant),
        "amr": list(grant.amr),
        # Keycloak's session-note mapper takes strings only; its token mapper turns this into `amr` again.
        "amr_json": json.dumps(grant.amr, separators=(",", ":")),
    }
    return {
        **about_person,
        "iss": issuer,
        "sub": grant.subject_id,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + ID_TOKEN_LIFETIME_S,
        "auth_time": grant.auth_time // 1000,
        "nonce": grant.nonce,
        "acr": ACR_SINGLE_FACTOR,
    }


def _proven(address: str) -> dict[str, Any]:
    """What this very login has shown to be the person's, and nothing else."""
    if is_number(address):
        return {"phone_number": address, "phone_number_verified": True}
    return {"email": address, "email_verified": True}


def _withholding(proven: dict[str, Any], grant: Grant) -> dict[str, Any]:
    """An address that another user has goes along under a name that Keycloak does not compare users by."""
    if EMAIL not in grant.withheld or "email" not in proven:
        return proven
    return {"passwordless_email": proven["email"]}


def _username(grant: Grant) -> str:
    if USERNAME in grant.withheld:
        return grant.subject_id
    return grant.address if _TAKEN_AS_USERNAME.fullmatch(grant.address) else grant.subject_id
