"""Phone numbers: what is taken, and in which one form (ITU-T E.164).

Two spellings of a number are one person and one budget, so everything behind this is E.164: a plus and ASCII digits.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from sidecar.errors import InvalidNumber, NumberRefused
from sidecar.model.address import Address

# phonenumbers would also read letters, digits of other scripts and extensions, and drop what it can't use.
_TYPED = re.compile(r"\+?\(?[0-9](?:[ ().\-/\u00a0\u2010-\u2013]*[0-9])*")
# What people's address books put around a number, and right-to-left keyboards leave there.
_MARKS = str.maketrans("", "", "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MAX_TYPED_CHARS = 40
#: What a text message can reach. The other kinds cost money to call, or are nobody's own.
_TEXTABLE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
#: What the library calls the region of numbers that are of no country: satellite phones, global services.
_NO_COUNTRY = "001"
_PREFIX_DIGITS = 8


def parse_phone(unverified_raw: str, default_region: str = "") -> Address:
    """Take what a person typed as a mobile number, or refuse it.

    Args:
        unverified_raw: with a plus and a country code, or as people of `default_region` write it.
        default_region: an ISO 3166-1 alpha-2 code; empty: only numbers with a country code are taken.

    Raises:
        InvalidNumber: it is no number of anywhere.
        NumberRefused: it is one, but none that text messages should go to: premium, shared cost, pager and such, and
            numbers of no country (ITU-T E.164.1: +800, +870, +881 and such), which no list of countries means.
    """
    number = _parsed(unverified_raw, default_region)
    # A region's own way of writing may hide the international prefix of another; it must be taken as what it is.
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise InvalidNumber("there is no such phone number")
    if phonenumbers.region_code_for_number(number) == _NO_COUNTRY:
        raise NumberRefused("no text messages are sent to numbers that belong to no country")
    if phonenumbers.number_type(number) not in _TEXTABLE:
        raise NumberRefused("no text messages are sent to numbers of its kind")
    return _address(number)


def prefix_of(number: str) -> str:
    """The plus and the first eight digits of a number in E.164: whoever pumps messages takes numbers side by side."""
    return number[: len("+") + _PREFIX_DIGITS]


def read_phone(raw: str, default_region: str = "") -> Address:
    """A number that was taken before, whatever is taken now; `default_region` as for `parse_phone`.

    Raises:
        InvalidNumber: it can't have been one.
    """
    return _address(_parsed(raw, default_region))


def _parsed(unverified_raw: str, region: str) -> PhoneNumber:
    raw = unverified_raw.translate(_MARKS).strip(" \t\u00a0")
    if len(raw) > _MAX_TYPED_CHARS or not _TYPED.fullmatch(raw):
        raise InvalidNumber("a mobile number looks like +44 7700 900123")
    try:
        return phonenumbers.parse(raw, region or None)
    except NumberParseException as err:
        raise InvalidNumber("a mobile number needs its country code, like +44") from err


def _address(number: PhoneNumber) -> Address:
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return Address(
        canonical=e164,
        destination=e164,
        shown=phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        country=phonenumbers.region_code_for_number(number) or "",
    )
