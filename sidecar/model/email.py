"""Email addresses: what is taken, how two are compared, where a message goes, what a page shows.

`canonical` is in ASCII lower case, its domain as A-label, without any provider's own tricks with dots or tags;
`destination` is as first typed, its domain as A-label; `shown` spells a domain in Unicode only where it can't be
mistaken for another.
"""

from __future__ import annotations

import re
import unicodedata

import idna

from sidecar.errors import InvalidAddress
from sidecar.model.address import Address

_MAX_CHARS = 254  # RFC 5321 §4.5.3.1.3 less the brackets; also below Keycloak's 255 for a login_hint
_MAX_LOCAL_CHARS = 64  # RFC 5321 §4.5.3.1.1
# An allow-list, not RFC 5322's grammar: quotes, comments, '%' and '!' routes and encoded words ('=?') are where
# parsers disagree about who receives the message.
_LOCAL_PART = re.compile(r"[A-Za-z0-9_'&=~+-]+(?:\.[A-Za-z0-9_'&=~+-]+)*")
_LABELS = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_MIN_LABELS = 2
# Scripts with whole words that look like Latin ones; shown in Unicode only below a top-level domain of their own.
_LOOKALIKE_SCRIPTS = frozenset({"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})
_LATIN_WITHOUT_BASE = frozenset("ßæøœđłþð")


def parse_email(unverified_raw: str) -> Address:
    """Take what a person typed as an email address, or refuse it.

    Raises:
        InvalidAddress: it is none, or one of the spellings that mail software reads in two ways.
    """
    raw = unverified_raw.strip(" \t")
    local, at, domain = raw.partition("@")
    if not at or "@" in domain or len(raw) > _MAX_CHARS or len(local) > _MAX_LOCAL_CHARS:
        raise InvalidAddress("an address looks like ada@example.org")
    if not _LOCAL_PART.fullmatch(local):
        raise InvalidAddress("the part before the @ has a character that is not taken")
    a_label = _a_label(domain)
    if len(local) + len("@") + len(a_label) > _MAX_CHARS:
        # The A-label may be longer than what was typed; it must be taken again when it is read from the store.
        raise InvalidAddress("the address is too long")
    return Address(
        canonical=f"{local.lower()}@{a_label}",
        destination=f"{local}@{a_label}",
        shown=f"{local}@{_shown_domain(a_label)}",
    )


def _a_label(domain: str) -> str:
    """The domain in the form DNS knows (RFC 5891 §4.1), with nothing mapped but upper case and full stops.

    UTS #46 would also map look-alikes (a script ℓ becomes l); then two people who typed different things would be one.
    """
    try:
        a_label = idna.encode(unicodedata.normalize("NFC", domain).lower(), std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError) as err:
        raise InvalidAddress("the part after the @ is no domain") from err
    labels = a_label.split(".")
    if len(labels) < _MIN_LABELS or not _LABELS.fullmatch(a_label) or labels[-1].isdigit():
        raise InvalidAddress("the part after the @ is no domain")
    return a_label


def _shown_domain(a_label: str) -> str:
    if "xn--" not in a_label:
        return a_label
    unicode_domain = idna.decode(a_label)
    labels = unicode_domain.split(".")
    top_scripts = _scripts(labels[-1])
    return unicode_domain if all(_is_unmistakable(label, top_scripts) for label in labels) else a_label


def _is_unmistakable(label: str, top_scripts: set[str]) -> bool:
    """A label of one script, which is no look-alike of Latin, or one with plain diacritics on ASCII letters."""
    scripts = _scripts(label)
    if len(scripts) > 1:
        return False
    if scripts & _LOOKALIKE_SCRIPTS:
        return scripts == top_scripts
    if scripts == {"LATIN"}:
        return all(
            unicodedata.normalize("NFD", char)[0].isascii() or char in _LATIN_WITHOUT_BASE for char in label
        )
    return True


def _scripts(label: str) -> set[str]:
    """The scripts of a label's letters, by the first word of their Unicode names."""
    return {unicodedata.name(char, "UNKNOWN").split()[0] for char in label if char.isalpha()}
