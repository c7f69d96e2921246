"""The table of events: what the ledger records. Budgets are counts over it, and the audit reads it."""

from __future__ import annotations

from enum import StrEnum

#: What the detail of an event says where a fixed code or a held-back message comes of the settings.
TEST_ADDRESS = "test address"


class Event(StrEnum):
    """What happened; names are stable (docs/events.md), values are what the ledger stores."""

    #: A challenge was opened, and a message asked for (counts as one message).
    CHALLENGE_STARTED = "challenge_started"
    #: The same code was asked for again (counts as one message).
    CHALLENGE_RESENT = "challenge_resent"
    #: A budget was used up, a breaker is open or the connection is stopped; `detail` names which.
    BUDGET_REFUSED = "budget_refused"
    #: A code of the right form or a confirmed link is about to be compared; written before it is looked at.
    CODE_TRIED = "code_tried"
    #: The compared code, or the link (`detail` says so), was right, and the challenge was spent by this very event's
    #: transaction. `detail` says of a test address too.
    CODE_ACCEPTED = "code_accepted"
    #: The compared code was right, and is kept for a minute for the client's next call, unspent.
    CODE_RESERVED = "code_reserved"
    #: The compared code was wrong.
    CODE_WRONG = "code_wrong"
    #: A browser was remembered as the address's own, after it accepted a code.
    DEVICE_REMEMBERED = "device_remembered"
    #: Somebody who reads the address's mail said that a start was not theirs: it ended, strangers are muted.
    ADDRESS_MUTED = "address_muted"
    #: The mute was taken back; `detail` says by its `page` or by an `operator`.
    ADDRESS_UNMUTED = "address_unmuted"
    #: An operator gave strangers' browsers fresh budgets for the address.
    ADDRESS_UNLOCKED = "address_unlocked"
    #: A profile of its own was made for an address that had none, or whose number was silent for too long; `detail`
    #: names it, and the one that the number had.
    SUBJECT_CREATED = "subject_created"
    #: A user of the realm who has the address verified was linked with its subject; `detail` names the user.
    ACCOUNT_LINKED = "account_linked"
    #: A user who had the address unverified lost it, and all ways in; `detail` names the user.
    ACCOUNT_STRIPPED = "account_stripped"
    #: A login stopped after its proof, because of the account that has the address; `detail` says which and why.
    ACCOUNT_STOPPED = "account_stopped"
    #: An address was added to an account by its user; `detail` is the subject that it signs in to.
    ADDRESS_ADDED = "address_added"
    #: An address was taken off its account by its user; `detail` is the subject that it signed in to.
    ADDRESS_REMOVED = "address_removed"
    #: An address became what Keycloak holds as the user's; `detail` is the subject that it signs in to.
    PRIMARY_CHANGED = "primary_changed"
    #: Whoever was told of a change to an account took it back; `detail` is what was changed.
    ACCOUNT_CHANGE_UNDONE = "account_change_undone"
    #: An authorization code was exchanged for an ID token.
    AUTH_CODE_REDEEMED = "auth_code_redeemed"
    #: An authorization code was unknown, expired or bound to something else; `detail` says which.
    AUTH_CODE_REFUSED = "auth_code_refused"
    #: An authorization code came a second time.
    AUTH_CODE_REPLAYED = "auth_code_replayed"
    #: A passkey was offered, after a proof and before its authorization code.
    PASSKEY_OFFERED = "passkey_offered"
    #: The offer was taken: Keycloak will have a passkey registered next.
    PASSKEY_WANTED = "passkey_wanted"
    #: The offer was turned down.
    PASSKEY_DECLINED = "passkey_declined"
    #: An authorization code was made of a ticket; `detail` says who held it: `browser`, `confirmed` or `client`.
    TICKET_EXCHANGED = "ticket_exchanged"
    #: A ticket was over, used, or somebody else's; `detail` says which.
    TICKET_REFUSED = "ticket_refused"
    #: An application's ticket was given to a browser.
    TICKET_BOUND = "ticket_bound"
    #: A provider did not take the message; `detail` names it and says why. The next one is asked, or there is none.
    PROVIDER_REFUSED = "provider_refused"
    #: An operator stopped a connection's text messages.
    CONNECTION_STOPPED = "connection_stopped"
    #: An operator let them go on.
    CONNECTION_STARTED = "connection_started"
    #: A provider took the message.
    MESSAGE_SENT = "message_sent"
    #: A message that nobody must get went as far as a message goes without being handed over; `detail` is the provider.
    MESSAGE_REHEARSED = "message_rehearsed"
    #: No provider took it; it is tried again. `detail` says why.
    MESSAGE_DELAYED = "message_delayed"
    #: No try is left. `detail` says why.
    MESSAGE_FAILED = "message_failed"
    #: The provider that took the message said later that it arrived.
    MESSAGE_DELIVERED = "message_delivered"
    #: The provider that took the message said later that it did not arrive.
    MESSAGE_UNDELIVERED = "message_undelivered"
    #: An operator published a realm's next signing key, or one took the place of a revoked one; `detail` is its id.
    SIGNING_KEY_ADDED = "signing_key_added"
    #: An operator took a realm's signing key away; `detail` is its id.
    SIGNING_KEY_REVOKED = "signing_key_revoked"
    #: An operator had a realm's signing key wrapped under the newest secret; `detail` is its id.
    SIGNING_KEY_REWRAPPED = "signing_key_rewrapped"
    #: An operator voided what a server secret made; `detail` is the secret's id, and counts.
    SECRET_REVOKED = "secret_revoked"  # noqa: S105
    #: An operator voided all that could be spent, after a restore or a failover; `detail` counts it.
    DATABASE_FENCED = "database_fenced"
    #: An operator began to link an existing user with the address's subject; `detail` is the subject and the user.
    USER_LINK_BEGUN = "user_link_begun"
    #: Keycloak has the link.
    USER_LINKED = "user_linked"
    #: An operator took a link out again that nobody had used.
    USER_UNLINKED = "user_unlinked"
    #: A user is being merged into another; `detail` names both, and who wanted it.
    USER_MERGE_BEGUN = "user_merge_begun"
    #: Of a merge: the secondary can't sign in any more; `detail` is the user.
    USER_DISABLED = "user_disabled"
    #: Of a merge: the address signs in to another subject now; `detail` names both.
    ADDRESS_MOVED = "address_moved"
    #: Of a merge: another identity provider's user signs in to the primary; `detail` names it, and both users.
    IDENTITY_MOVED = "identity_moved"
    #: Of a merge: all is moved; `detail` names both users.
    USER_MERGED = "user_merged"
    #: A secondary was deleted; `detail` is the user.
    USER_DELETED = "user_deleted"
