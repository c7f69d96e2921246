"""Where a message can go: an email address or a phone number, in the forms that the house uses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address that a connection takes: of an email mailbox, or a phone number.

    `canonical` decides identity, `destination` is where messages go, `shown` is for people. `country` is a phone
    number's region (ISO 3166-1 alpha-2); empty for email.
    """

    canonical: str
    destination: str
    shown: str
    country: str = ""

    @property
    def masked(self) -> str:
        """What a page may show of it: `a•••@example.org`, `+44 ••• 23`.

        Without an email's case: the stored spelling would tell whoever typed another that the address is known.
        """
        local, at, domain = self.shown.rpartition("@")
        if at:
            return f"{local[0].lower()}•••@{domain}"
        return f"{self.shown.partition(' ')[0]} ••• {self.canonical[-2:]}"


def is_number(destination: str) -> bool:
    """Whether a stored address is a phone number: a plus and digits. Every email address has an @, no number has."""
    return destination.startswith("+") and "@" not in destination
