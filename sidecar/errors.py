"""The tree of errors: stable codes and data, no HTTP. Each face maps them to its own responses."""

from __future__ import annotations


class SidecarError(Exception):
    """Root of what this package raises on purpose; never raised itself.

    `code` is stable and part of the interface (docs/errors.md); the text is for operators, not for end users.
    """

    code = "sidecar_error"


class SettingsError(SidecarError):
    """The settings can't be used: names the key, what is wrong and how to mend it."""

    code = "settings_invalid"


class InvalidAddress(SidecarError):
    """What was typed is no address this connection takes."""

    code = "invalid_address"


class InvalidNumber(InvalidAddress):
    """What was typed is no phone number of anywhere."""

    code = "invalid_number"


class NumberRefused(InvalidAddress):
    """A phone number that is one, but that the connection sends no messages to: its kind or its country."""

    code = "number_refused"


class RateLimited(SidecarError):
    """A budget is used up. The same for addresses that exist and for those that don't."""

    code = "rate_limited"

    def __init__(self, budget: str, *, retry_after_s: int, limit: int) -> None:
        super().__init__(f"{budget} is used up, next in {retry_after_s} s")
        self.budget = budget
        self.retry_after_s = retry_after_s
        self.limit = limit


class ConnectionStopped(SidecarError):
    """An operator has stopped the connection's text messages; `budget` is what the ledger calls the refusal."""

    code = "connection_stopped"
    budget = "connection_stopped"

    def __init__(self) -> None:
        super().__init__("an operator has stopped the text messages of this connection")


class ChallengeRefused(SidecarError):
    """The code was not accepted: wrong, expired, used, retired and foreign look alike to the outside.

    `tries_left` is what this challenge still allows (0: it is dead); it follows from the caller's own
    challenge only, so it tells nothing about the address.
    """

    code = "code_refused"

    def __init__(self, *, tries_left: int) -> None:
        super().__init__("the code was refused")
        self.tries_left = tries_left


class AccountStopped(SidecarError):
    """The proven address leads to an account that must not be opened by it; the text says which and why, for admins."""

    code = "account_stopped"


class ChallengeNotFound(SidecarError):
    """No such challenge for this browser or client: unknown, foreign or purged."""

    code = "challenge_not_found"


class IdempotencyKeyReused(SidecarError):
    """A key that a caller gave to one start came with another."""

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("the idempotency key was given to another start before")


class TicketRefused(SidecarError):
    """A ticket is worth nothing here: unknown, over, used and foreign look alike to the outside."""

    code = "ticket_refused"

    def __init__(self) -> None:
        super().__init__("the ticket was refused")


class ClientRefused(SidecarError):
    """A client is unknown, switched off, elsewhere, or did not prove who it is; the text is for the log."""

    code = "invalid_client"


class TokenRefused(SidecarError):
    """An access token for the API's admin side is none of the realm's, not for us, or over; the text is for the log."""

    code = "invalid_token"


class NotPermitted(SidecarError):
    """Whoever calls the API's admin side has no role that allows it."""

    code = "not_permitted"

    def __init__(self) -> None:
        super().__init__("the token has no role of ours that allows it")


class ConfirmationRefused(SidecarError):
    """What was confirmed is not what would be done: the plan has become another one, or was never shown."""

    code = "confirmation_refused"

    def __init__(self) -> None:
        super().__init__("the confirmation is not of this plan: look at the plan again")


class InteractionRequired(SidecarError):
    """Keycloak wants something of the person: a pending action, consent, or to link an account. A browser is needed."""

    code = "interaction_required"

    def __init__(self) -> None:
        super().__init__("Keycloak has to ask the person something")


class AccountRefused(SidecarError):
    """Keycloak lets nobody sign in to this account, whatever they prove; the text is for the log."""

    code = "account_refused"


class TooBusy(SidecarError):
    """As many logins are walked for API clients as may be at once; nothing was counted."""

    code = "too_busy"

    def __init__(self) -> None:
        super().__init__("as many logins are walked for API clients as may be at once")


class CookieMissing(SidecarError):
    """The browser sent no cookie where it must have one: it keeps none, or the page was opened elsewhere."""

    code = "cookie_missing"


class InvalidRequest(SidecarError):
    """The request can't be understood or must not be answered; its text is safe to show."""

    code = "invalid_request"


class StoreUnavailable(SidecarError):
    """The database did not answer or its answer was lost: nothing was granted."""

    code = "store_unavailable"


class DeliveryFailed(SidecarError):
    """A provider refused or could not be reached.

    `is_final` says that another try with this provider can't help; `is_about_recipient` that it may have spoken of
    this very address, or that a rehearsal would not have met it: a stranger must not learn of it.
    """

    code = "delivery_failed"

    def __init__(self, reason: str, *, is_final: bool = False, is_about_recipient: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final
        self.is_about_recipient = is_about_recipient


class RecipientRefused(DeliveryFailed):
    """A provider that works refused this very recipient: final if no provider is worth another try."""

    code = "recipient_refused"

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason, is_final=is_final, is_about_recipient=True)


class CallbackRefused(SidecarError):
    """A status callback is not the provider's, or not about a message that it took; the text is for the log."""

    code = "callback_refused"


class KeyRefused(SidecarError):
    """A key can't be rotated or revoked: names the key, and says what to do instead."""

    code = "key_refused"


class KeycloakUnavailable(SidecarError):
    """Keycloak could not be reached, or refused us: says which call and what to do."""

    code = "keycloak_unavailable"


class UsersRefused(SidecarError):
    """Users can't be linked or merged as asked: says why, and what to do."""

    code = "users_refused"


class DemoError(SidecarError):
    """The demo can't go on: names the cause and the way out."""

    code = "demo_failed"
