"""What a spent challenge proves, and how tokens say it."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.model.ticket import NewTicket

_OTP, _LINK = "otp", "link"


def amr_of(channel: str, *, is_by_link: bool) -> tuple[str, ...]:
    """How a challenge was met, for a channel ("email", "sms").

    RFC 8176 names `otp` and has no word for a link; a link is a password for one time too, and policies that look
    for `otp` hold for both. The channel stands beside it, so that a realm can tell email from SMS.
    """
    return (_OTP, _LINK, channel) if is_by_link else (_OTP, channel)


#: One factor, whatever the channel: NIST SP 800-63B-4 §3.1.3.1 does not take email as an out-of-band authenticator.
ACR_SINGLE_FACTOR = "1"


#: Claims that may be withheld from Keycloak, because another user has what they say.
EMAIL, USERNAME = "email", "preferred_username"


@dataclass(frozen=True, kw_only=True)
class NewGrant:
    """What `verify` hands to the store to be written in the transaction that spends the challenge.

    `ticket`: instead of an authorization code, whose MAC is empty then. `is_remembered`: the address knows the browser
    from now on. `is_test`: the code was a test address's own. `idle_s`: after so many seconds without a proof, an
    address may be somebody else's, and a browser that it does not know gets a subject of its own; `None`: never.
    `withheld`: the claims that Keycloak must not get. `grace_s`: so long after its end the challenge may be spent
    still, since its code was right before, and was kept.
    """

    auth_code_mac: str
    subject_id: str
    lifetime_s: int
    amr: tuple[str, ...]
    ticket: NewTicket | None = None
    is_remembered: bool = True
    is_test: bool = False
    idle_s: int | None = None
    withheld: frozenset[str] = frozenset()
    grace_s: int = 0

    @property
    def is_by_link(self) -> bool:
        return _LINK in self.amr


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A redeemed authorization code: whom it stands for and what it is bound to. Spent when you hold it."""

    realm: str
    connection: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    nonce: str
    subject_id: str
    address: str
    amr: tuple[str, ...]
    auth_time: int
    withheld: frozenset[str] = frozenset()
