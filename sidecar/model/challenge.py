"""One challenge: a code asked for by one browser, sent to one address, open until it is spent, dead or over."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from sidecar.model.asker import Asker
from sidecar.model.authorization import AuthorizationRequest


class Method(StrEnum):
    """What a message brings: a code to type, a link to open, or both."""

    CODE = "code"
    LINK = "link"
    BOTH = "both"

    @property
    def has_code(self) -> bool:
        return self is not Method.LINK

    @property
    def has_link(self) -> bool:
        return self is not Method.CODE

    def narrowed(self, asked: str) -> Method:
        """What an application gets that asked for "code" or "link": one of both, never what is not allowed."""
        return Method(asked) if self is Method.BOTH and asked in {Method.CODE, Method.LINK} else self


class Purpose(StrEnum):
    """What a challenge is for; its code is derived for that, and its spending looks at it again."""

    #: To sign in: it ends in an authorization code for Keycloak.
    LOGIN = "login"
    #: To hang the address on an account whose user is signed in to the account page.
    ADD = "add"
    #: To tell an address of a change to its account. It has no code; its seed makes the link that takes it back.
    NOTICE = "notice"


class DeliveryStatus(StrEnum):
    """What became of a challenge's newest message, as far as its browser may know."""

    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A row of the store. Times are milliseconds by the database's clock; `read_at` is when it was read.

    `seed` alone gives no code: it is derived from it and a server key (login/codes.py). `is_suppressed`: its
    messages are not sent and no code opens it, for reasons a stranger must not learn. `is_unknown`: the only reason is
    that sign-up is off and nobody has proven the address here, so that an account in Keycloak would lift it.
    `account`: Keycloak's id of the user that it is for, where it is for one; `change_id`: the change that a notice
    tells of.
    """

    id: str
    realm: str
    connection: str
    address: str
    destination: str
    key_id: str
    seed: bytes
    digits: int
    method: Method
    locale: str
    request: AuthorizationRequest
    asker: Asker
    created_at: int
    expires_at: int
    last_sent_at: int
    tries: int
    max_tries: int
    is_suppressed: bool
    is_unknown: bool = False
    used_at: int | None
    retired_at: int | None
    read_at: int
    purpose: Purpose = Purpose.LOGIN
    account: str | None = None
    change_id: str | None = None

    @property
    def tries_left(self) -> int:
        return max(0, self.max_tries - self.tries)

    @property
    def is_open(self) -> bool:
        """Whether a code may still be tried; the store's own guard decides, this is for display."""
        return (
            self.used_at is None and self.retired_at is None and self.tries_left > 0 and self.life_left_s > 0
        )

    @property
    def life_left_s(self) -> int:
        return max(0, (self.expires_at - self.read_at) // 1000)

    def resend_wait_s(self, resend_after_s: int) -> int:
        """Seconds until the browser may ask for the message again; 0 is now."""
        due_at = self.last_sent_at + resend_after_s * 1000
        return max(0, -(-(due_at - self.read_at) // 1000))

    def typed_at(self, page_host: str) -> Challenge:
        """The same, for another page of the application where its code is typed; an empty host changes nothing."""
        request = replace(self.request, page_host=page_host or self.request.page_host)
        return replace(self, request=request)


class Found(NamedTuple):
    """A challenge as its browser finds it. `is_known`: the address has accepted a code in this browser before."""

    challenge: Challenge
    delivery: DeliveryStatus
    is_known: bool


@dataclass(frozen=True, kw_only=True)
class Once:
    """What lets a start be asked for again: the caller's key for it, and what was asked, by MACs under each server key.

    The newest first; `is_same` holds for a body that any of the keys made the MAC of.
    """

    key_macs: tuple[str, ...]
    body_macs: tuple[str, ...]

    def is_same(self, body_mac: str) -> bool:
        return body_mac in self.body_macs


@dataclass(frozen=True, kw_only=True)
class NewChallenge:
    """What `issue` hands to the store: everything that is known before the database's clock is asked."""

    id: str
    realm: str
    connection: str
    address: str
    destination: str
    browser_mac: str
    key_id: str
    seed: bytes
    digits: int
    method: Method
    lifetime_s: int
    max_tries: int
    open_challenges: int
    signup: bool
    mute_s: int
    locale: str
    request: AuthorizationRequest
    asker: Asker
    purpose: Purpose = Purpose.LOGIN
    account: str | None = None
    once: Once | None = None
