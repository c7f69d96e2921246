"""Phone numbers: what is taken, and that every spelling of one is the same person (threats C8, C9)."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from sidecar.errors import InvalidAddress, InvalidNumber, NumberRefused
from sidecar.model.address import Address, is_number
from sidecar.model.phone import parse_phone, prefix_of, read_phone

# A busy machine fails no test.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NO_NUMBERS = [
    "",
    "+",
    "ada@example.org",
    "123",
    "+44",
    "+44 7",
    "+999 123 456 789",
    # Letters, digits of other scripts, and signs that only look like ours.
    "1800FLOWERS",
    "+1 800 FLOWERS",
    "+44 79lI 123456",
    "+٤٤٧٩١١١٢٣٤٥٦",
    "+४४७९१११२३४५६",
    "＋４４７９１１１２３４５６",
    "＋447911123456",
    "+𝟒𝟒𝟕𝟗𝟏𝟏𝟏𝟐𝟑𝟒𝟓𝟔",
    "+447911123⁴⁵⁶",
    # Extensions, pauses, service codes, URIs, and two numbers in one.
    "+447911123456;ext=55",
    "+447911123456 ext. 55",
    "+447911123456x55",
    "+447911123456#55",
    "+447911123456,,55",
    "+447911123456;phone-context=+1",
    "*#06#",
    "tel:+447911123456",
    "sms:+447911123456",
    "+447911123456,+447911123457",
    "+447911123456 +447911123457",
    "+447911123456/+447911123457",
    "++447911123456",
    "44+7911123456",
    "(+44)7911123456",
    "~+447911123456",
    # Other gateways, other recipients, header and form injection.
    "+447911123456\n",
    "+447911123456\r\nTo: +447911123457",
    "+447911123456\x00",
    "+447911123456%0a",
    "+447911123456&To=+447911123457",
    "whatsapp:+447911123456",
    "+447911123456@sms.example",
    "-447911123456",
    "+44.7911.123.456.",
    "447911123456e1",
    "0x1ABCDEF",
    # Valid in no numbering plan, or too long for any.
    "+44 7911 12345",
    "+44 7911 1234567",
    "+1 555 123 4567",
    "+10 044 7911 123456",
    "+44 7700 900123",
    "+" + "1" * 16,
    "+44" + "0" * 60,
    "0" * 40,
    " " * 39 + "1",
]


@pytest.mark.parametrize("region", ["", "GB", "US"])
@pytest.mark.parametrize("raw", NO_NUMBERS, ids=ascii)
def test_what_libraries_would_mend_or_cut_is_refused(raw, region):
    """C8: letters, other scripts and extensions are never turned into somebody's number."""
    with pytest.raises(InvalidAddress):
        parse_phone(raw, region)


SPELLINGS = [
    ("+447911123456", ""),
    (" +44 7911 123456\t", ""),
    ("\u00a0+44\u00a07911\u00a0123456", ""),
    ("+44 (7911) 123-456", ""),
    ("+44-7911-123-456", ""),
    ("+44.7911.123.456", ""),
    ("+44/7911/123456", ""),
    ("+44\u20117911\u2011123456", ""),
    ("+44 (0) 7911 123456", ""),
    ("+4407911123456", ""),
    ("\u2066+447911123456\u2069", ""),
    ("\u200e+44 7911 123456\u200f", ""),
    ("\u202a+447911123456\u202c", ""),
    ("07911 123456", "GB"),
    ("(07911) 123456", "GB"),
    ("7911123456", "GB"),
    ("00447911123456", "GB"),
    ("00 44 7911 123456", "FR"),
    ("011 44 7911 123456", "US"),
    ("0011 44 7911 123456", "AU"),
    ("+447911123456", "US"),
]


@pytest.mark.parametrize(("raw", "region"), SPELLINGS, ids=ascii)
def test_every_spelling_is_one_number(raw, region):
    """C8: one identity, one budget, one recipient."""
    number = parse_phone(raw, region)

    assert (
        Address(canonical="+447911123456", destination="+447911123456", shown="+44 7911 123456", country="GG")
        == number
    )


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        # What an international prefix is depends on where one is: nothing is guessed.
        ("00447911123456", "US"),
        ("011447911123456", "GB"),
        ("07911123456", ""),
        ("447911123456", ""),
        ("07911123456", "US"),
    ],
)
def test_a_national_spelling_is_read_in_its_own_region_only(raw, region):
    """C8: or it is somebody else's number."""
    with pytest.raises(InvalidNumber):
        parse_phone(raw, region)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("+1 900 234 5678", PhoneNumberType.PREMIUM_RATE),
        ("+44 909 879 0000", PhoneNumberType.PREMIUM_RATE),
        ("+49 900 1 123456", PhoneNumberType.PREMIUM_RATE),
        ("+33 899 123456", PhoneNumberType.PREMIUM_RATE),
        ("+49 180 1123456", PhoneNumberType.SHARED_COST),
        ("+44 300 123 4567", PhoneNumberType.UAN),
        ("+44 70 0123 4567", PhoneNumberType.PERSONAL_NUMBER),
        ("+49 700 12345678", PhoneNumberType.PERSONAL_NUMBER),
        ("+1 500 234 5678", PhoneNumberType.PERSONAL_NUMBER),
        ("+44 56 1234 5678", PhoneNumberType.VOIP),
        ("+44 7640 123456", PhoneNumberType.PAGER),
        ("+49 16412345", PhoneNumberType.PAGER),
        ("+1 800 234 5678", PhoneNumberType.TOLL_FREE),
        ("+44 800 123 4567", PhoneNumberType.TOLL_FREE),
        ("+44 20 7946 0018", PhoneNumberType.FIXED_LINE),
        ("+49 30 123456", PhoneNumberType.FIXED_LINE),
    ],
)
def test_only_what_may_be_a_persons_phone_is_texted(raw, kind):
    """C9: the other kinds cost whoever sends, or are nobody's own."""
    assert kind == phonenumbers.number_type(phonenumbers.parse(raw))

    with pytest.raises(NumberRefused):
        parse_phone(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "+800 1234 5678",  # freephone of the world
        "+808 1234 5678",  # shared cost of the world
        "+870 773 111632",  # Inmarsat: the library calls it a mobile
        "+878 10 1234567890",  # personal numbers of the world
        "+881 6 1234 5678",  # Iridium: the same
        "+882 16 4321 1234",  # Thuraya
        "+882 34 21234",  # a network of ships: the same
        "+883 140 000000",
        "+888 123 456 78912",
        "+979 123 456 789",  # premium rate of the world
    ],
)
def test_a_number_of_no_country_is_refused(raw):
    """C9: no list of countries means them, "*" neither, and a message to a satellite costs dollars."""
    number = phonenumbers.parse(raw)
    assert phonenumbers.is_valid_number(number)
    assert "001" == phonenumbers.region_code_for_number(number)

    with pytest.raises(NumberRefused):
        parse_phone(raw)


@pytest.mark.parametrize(
    ("raw", "country"),
    [
        ("+44 7400 123456", "GB"),
        ("+44 7797 123456", "JE"),
        ("+44 7624 123456", "IM"),
        ("+49 1511 2341234", "DE"),
        ("+33 6 12 34 56 78", "FR"),
        ("+39 333 123 4567", "IT"),
        ("+7 912 345 67 89", "RU"),
        ("+7 701 234 5678", "KZ"),
        ("+1 347 555 1234", "US"),
        ("+1 876 456 7890", "JM"),
        ("+54 9 11 2345 6789", "AR"),
        ("+86 131 2345 6789", "CN"),
        ("+81 90 1234 5678", "JP"),
    ],
)
def test_the_country_is_the_numbers_own_not_its_calling_codes(raw, country):
    """C9: +1 and +7 are many countries, and each has its price."""
    assert country == parse_phone(raw).country


def test_of_a_number_pages_show_the_country_and_the_last_two_digits():
    """D1, F3: whoever looks over a shoulder learns no number from it."""
    assert "+44 ••• 56" == parse_phone("+44 7911 123456").masked
    assert "+1 ••• 34" == parse_phone("(347) 555-1234", "US").masked


def test_a_number_that_was_taken_is_read_whatever_is_taken_now():
    """Rows outlive the rules: what is stored can be shown, exported and erased."""
    assert "+870773111632" == read_phone("+870 773 111632").canonical
    assert "+442079460018" == read_phone("020 7946 0018", "GB").canonical


def test_numbers_side_by_side_share_their_prefix():
    """C9."""
    assert "+44791112" == prefix_of("+447911123456") == prefix_of("+447911129999")
    assert "+44791113" == prefix_of("+447911130000")


_mobiles = [
    region
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (found := phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE))
    and phonenumbers.is_valid_number(found)
]
_forms = [
    PhoneNumberFormat.E164,
    PhoneNumberFormat.INTERNATIONAL,
    PhoneNumberFormat.NATIONAL,
]


@pytest.mark.parametrize("form", _forms)
@pytest.mark.parametrize("region", _mobiles)
def test_a_mobile_of_every_country_is_taken_as_its_people_write_it(region, form):
    """C8, M2: in full, with spaces, and as at home; all of them are one."""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)

    found = parse_phone(phonenumbers.format_number(number, form), region)

    assert phonenumbers.format_number(number, PhoneNumberFormat.E164) == found.canonical
    assert phonenumbers.region_code_for_number(number) == found.country


_typed = st.one_of(
    st.text(max_size=24),
    st.text("0123456789+ ()-./#*;x\u0661\uff11\u00a0", max_size=24),
    st.builds(
        "+{}{}".format, st.sampled_from(["1", "44", "49", "39", "54", "870", "881"]), st.integers(0, 10**12)
    ),
    st.builds("{}{}".format, st.sampled_from(["0", "00", "011", "+"]), st.integers(0, 10**14)),
)


@given(_typed, st.sampled_from(["", "GB", "US", "DE", "IT", "AR"]))
@settings(_PATIENT, max_examples=300)
@example("0236618300", "IT")
@example("+5491123456789", "")
@example("011 15-2345-6789", "AR")
def test_whatever_is_taken_has_one_form_that_is_its_own(raw, region):
    """C8: ASCII, E.164, at most 15 digits, read again as itself anywhere; else a stored number could not be served."""
    try:
        number = parse_phone(raw, region)
    except InvalidAddress:
        return

    assert (
        number
        == parse_phone(number.canonical)
        == parse_phone(number.shown, "US")
        == read_phone(number.destination)
    )
    assert number.canonical == number.destination
    assert number.canonical.isascii()
    assert number.canonical[1:].isdigit()
    assert len(number.canonical) <= len("+") + 15
    assert is_number(number.canonical)
    assert number.country.isalpha()
