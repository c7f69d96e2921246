"""Which addresses a connection takes, and how a stored one is read again."""

from __future__ import annotations

from sidecar.errors import InvalidAddress, NumberRefused
from sidecar.model.address import Address, is_number
from sidecar.model.email import parse_email
from sidecar.model.phone import parse_phone, read_phone
from sidecar.settings import ANY_COUNTRY, Connection, Realm

#: Small regions whose numbers can't be told from their neighbour's by everyone who writes a list of countries.
_SHARES_CODE_OF = {
    **dict.fromkeys(("GG", "IM", "JE"), "GB"),
    **dict.fromkeys(("CC", "CX"), "AU"),
    **dict.fromkeys(("BL", "MF"), "GP"),
    "AX": "FI",
    "EH": "MA",
    "SJ": "NO",
    "VA": "IT",
    "YT": "RE",
}


def take(realm: Realm, connection: Connection, unverified_raw: str) -> Address:
    """What a person typed, as an address of this connection.

    Raises:
        InvalidAddress: it is none of its kind.
        NumberRefused: a number that the connection sends no messages to.
    """
    if connection.strategy == "email":
        return parse_email(unverified_raw)
    number = parse_phone(unverified_raw, realm.default_region)
    if not {number.country, _SHARES_CODE_OF.get(number.country), ANY_COUNTRY} & set(connection.countries):
        raise NumberRefused("no text messages are sent to its country")
    return number


def spelled(realm: Realm | None, raw: str) -> Address:
    """An address of the realm in an operator's spelling, whether or not anything is sent to it now.

    Without the realm (it has left the settings) a number needs its country code.

    Raises:
        InvalidAddress: it is none.
    """
    if "@" not in raw and any(character.isdigit() for character in raw):
        return read_phone(raw, realm.default_region if realm else "")
    return read(raw)


def helped(realm: Realm, raw: str) -> tuple[str, str]:
    """The address whose owner is helped, and a connection of its kind, under which the ledger notes what was done.

    Raises:
        InvalidAddress: it is none.
    """
    canonical = spelled(realm, raw).canonical
    strategy = "sms" if is_number(canonical) else "email"
    of_kind = [it.id for it in realm.connections.values() if it.strategy == strategy]
    return (of_kind or list(realm.connections))[0], canonical


def read(destination: str) -> Address:
    """The address of a row: one that was taken before, whatever is taken now.

    Raises:
        InvalidAddress: it can't have been one.
    """
    if is_number(destination):
        return read_phone(destination)
    if "@" in destination:
        return parse_email(destination)
    raise InvalidAddress("an address looks like ada@example.org, a mobile number like +44 7700 900123")
