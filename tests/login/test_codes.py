"""Codes: derived, evenly spread, strings from end to end, and strictly read (threats A8, A9, A10)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.errors import InvalidRequest
from sidecar.login.codes import clean_code, derive_code, is_right, new_seed
from sidecar.login.keys import KeyRing
from sidecar.model.challenge import Challenge, Method
from sidecar.settings import Secret
from tests.conftest import OLDER_SECRET_KEY, SECRET_KEY
from tests.flow import ASKER, REQUEST

KEYS = KeyRing([Secret(SECRET_KEY)])
# A busy machine fails no test.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CHALLENGE = Challenge(
    id="c" * 22,
    realm="acme",
    connection="email",
    address="ada@example.org",
    destination="ada@example.org",
    key_id=KEYS.newest_id,
    seed=b"s" * 32,
    digits=6,
    method=Method.CODE,
    locale="en",
    request=REQUEST,
    asker=ASKER,
    created_at=0,
    expires_at=300_000,
    last_sent_at=0,
    tries=0,
    max_tries=5,
    is_suppressed=False,
    used_at=None,
    retired_at=None,
    read_at=0,
)


def test_codes_are_spread_evenly():
    """A8: chi² over each position of 20,000 codes, and over their first two digits; 1 in a million by chance."""
    codes = [derive_code(KEYS, replace(CHALLENGE, seed=new_seed())) for _ in range(20_000)]

    for position in range(6):
        assert (
            chi_square(Counter(code[position] for code in codes), 10, len(codes)) < 46
        )  # 9 degrees of freedom
    assert chi_square(Counter(code[:2] for code in codes), 100, len(codes)) < 179  # 99 degrees
    assert {6} == {len(code) for code in codes}
    assert len(set(codes)) > 19_700  # 20,000 of a million: about 198 meet


def chi_square(counts: Counter[str], cells: int, total: int) -> float:
    expected = total / cells
    return (
        sum((counts.get(cell, 0) - expected) ** 2 / expected for cell in counts)
        + (cells - len(counts)) * expected
    )


def test_seeds_are_new_each_time():
    """A8: 256 bits of the system's randomness."""
    seeds = {new_seed() for _ in range(1_000)}

    assert (1_000, {32}) == (len(seeds), {len(seed) for seed in seeds})


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": b"t" * 32},
        {"id": "d" * 22},
        {"realm": "other"},
        {"connection": "partner"},
        {"destination": "Ada@example.org"},
        {"key_id": KeyRing([Secret(OLDER_SECRET_KEY)]).newest_id},
    ],
    ids=str,
)
def test_a_code_is_bound_to_all_that_it_is_for(changed):
    """A9, A11: ten pairs of codes, of which at most one meets by chance."""
    both = KeyRing([Secret(SECRET_KEY), Secret(OLDER_SECRET_KEY)])
    ours = [derive_code(both, replace(CHALLENGE, id=f"{n:022d}")) for n in range(10)]
    theirs = [derive_code(both, replace(CHALLENGE, **{"id": f"{n:022d}", **changed})) for n in range(10)]

    assert ours != theirs
    assert sum(one == other for one, other in zip(ours, theirs, strict=True)) <= 1


def test_codes_and_macs_of_different_purposes_have_nothing_in_common():
    """A11: purpose and parts are framed, so no two lists of parts read alike."""
    macs = {
        KEYS.mac("browser", b"ab"),
        KEYS.mac("authorization-code", b"ab"),
        KEYS.mac("authorization-code", b"a", b"b"),
        KEYS.mac("authorization-code", b"", b"ab"),
        KEYS.mac("authorization-code", b"ab", b""),
        KEYS.mac("authorization-codea", b"b"),
        KEYS.mac("authorization-code"),
    }

    assert 7 == len(macs)


def test_the_key_alone_gives_no_code():
    """A9: the row's seed is needed too, and it is nowhere else."""
    codes = {derive_code(KEYS, replace(CHALLENGE, seed=new_seed())) for _ in range(50)}

    assert len(codes) > 45


def test_a_revoked_key_leaves_no_code():
    """A9: not even an empty one to match."""
    others = KeyRing([Secret(OLDER_SECRET_KEY)])

    with pytest.raises(KeyError):
        derive_code(others, CHALLENGE)
    assert not is_right(others, CHALLENGE, derive_code(KEYS, CHALLENGE))
    assert not is_right(others, CHALLENGE, "")


def test_an_older_key_on_the_list_still_opens_its_challenges():
    """E9."""
    rotated = KeyRing([Secret(OLDER_SECRET_KEY), Secret(SECRET_KEY)])

    assert is_right(rotated, CHALLENGE, derive_code(KEYS, CHALLENGE))


def test_a_suppressed_challenge_is_opened_by_no_code():
    suppressed = replace(CHALLENGE, is_suppressed=True)

    assert not is_right(KEYS, suppressed, derive_code(KEYS, suppressed))


@given(
    st.integers(0, 999_999),
    st.sampled_from(["{}", " {} ", "{}\n", "\u200e{}\u200f", "\t{}"]),
    st.integers(1, 5),
    st.sampled_from(["", " ", "-", "\u2013", " - "]),
)
@settings(_PATIENT)
def test_a_code_reads_the_same_with_the_spaces_and_dashes_people_type(number, frame, at, separator):
    code = f"{number:06d}"

    assert code == clean_code(frame.format(code[:at] + separator + code[at:]), 6)


BAD_CODES = [
    "",
    " ",
    "12345",
    "1234567",
    "12345a",
    "a123456",
    "123456a",
    "123.456",
    "123,456",
    "1e5000",
    "0x1234",
    "+12345",
    "+123456",
    "1_2_3_4_5_6",
    "null",
    "None",
    "true",
    "[123456]",
    '["123456"]',
    '{"code":"123456"}',
    "123456 123456",
    "123456\x00",
    "\x00123456",
    "１２３４５６",
    "١٢٣٤٥٦",
    "۱۲۳۴۵۶",
    "१२३४५६",
    "𝟏𝟐𝟑𝟒𝟓𝟔",
    "①②③④⑤⑥",
    "²³¹²³¹",
    "12345６",
    "123456" + " " * 59,
    "1" * 1_000_000,
    " " * 1_000_000,
    "%31%32%33%34%35%36",
]


@pytest.mark.parametrize("raw", BAD_CODES, ids=lambda raw: ascii(raw[:20]))
def test_what_is_not_six_ascii_digits_is_no_code(raw):
    """A10."""
    with pytest.raises(InvalidRequest):
        clean_code(raw, 6)


@given(st.text(max_size=70))
@settings(_PATIENT, max_examples=300)
def test_whatever_is_typed_is_refused_or_six_ascii_digits(raw):
    """A10."""
    try:
        cleaned = clean_code(raw, 6)
    except InvalidRequest:
        return
    assert 6 == len(cleaned)
    assert set(cleaned) <= set("0123456789")
