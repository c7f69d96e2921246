"""The words people see: the login theme's message files, read for the sidecar's own pages and mails.

Keycloak and the sidecar share one catalogue per locale (`messages_<locale>.properties`, UTF-8, Java
MessageFormat). Of MessageFormat we use two things: `''` for an apostrophe and `{0}` for an argument; anything
else stops the start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import javaproperties
from babel.core import Locale, UnknownLocaleError, get_global
from babel.dates import format_date

from sidecar import assets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

#: The locale the code is written against: it has every key, and the others fall back to it.
SOURCE_LOCALE = "en"

_TOKEN = re.compile(r"(?P<apostrophe>'')|\{(?P<argument>\d)\}|(?P<literal>[^'{}]+)|(?P<stray>.)", re.DOTALL)
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_RANGE = re.compile(r"\s*(?P<tag>[A-Za-z0-9-]{2,35}|\*)\s*(;\s*[qQ]=(?P<q>0(\.\d{0,3})?|1(\.0{0,3})?)\s*)?")
_MAX_HEADER_CHARS = 1000
_MAX_TAGS = 20
#: Languages whose readers read another one's texts: Norwegian goes by several names.
_READ_AS = {"no": "nb", "nn": "nb"}

#: A message taken apart: text, and the positions of arguments.
_Parts = tuple[str | int, ...]


@dataclass(frozen=True, repr=False)
class Words:
    """The texts of one locale: `words("key", *args)` gives a sentence.

    Plain text, never HTML: escape it where it is shown. An unknown key raises `KeyError`, a missing argument
    `IndexError`; both are mistakes in the code, and the catalogue's tests find them. `locale` is a BCP 47 tag, as in
    `<html lang="…">`.
    """

    locale: str
    direction: Literal["ltr", "rtl"]
    _messages: Mapping[str, _Parts]
    _fallback: Mapping[str, _Parts]

    def __call__(self, key: str, *args: object) -> str:
        """The text of `key` with `{0}`, `{1}`, … replaced by `args`.

        Whether a text has plural forms is the catalogue's matter: where there is no `key` but `key.other`,
        the first argument chooses the form.
        """
        if self._parts(key) is None and args and isinstance(args[0], int):
            return self.plural(key, args[0], *args[1:])
        return self._fill(key, args)

    def plural(self, key: str, n: int, *args: object) -> str:
        """The text of `key.one`, `key.other`, …, by the locale's plural rule for `n`.

        `{0}` is `n`, and `{1}` on are `args`.
        """
        form = f"{key}.{_babel(self.locale).plural_form(n)}"
        return self._fill(form if form in self._messages else f"{key}.other", (n, *args))

    def forms(self, key: str) -> dict[str, str]:
        """The text of `key` for a program that fills it: arguments stay `{0}`, `{1}`, ….

        By plural form (`one`, `other`, …), or `""` alone where it has none.
        """
        if (whole := self._parts(key)) is not None:
            return {"": _as_written(whole)}
        tags = sorted({*_babel(self.locale).plural_form.tags, "other"})
        return {
            tag: _as_written(self._messages[name])
            for tag in tags
            if (name := f"{key}.{tag}") in self._messages
        }

    def day(self, moment: datetime) -> str:
        """The day of a moment, as people of this locale write it."""
        return format_date(moment, "long", locale=_babel(self.locale))

    def _fill(self, key: str, args: Sequence[object]) -> str:
        parts = self._parts(key)
        if parts is None:
            raise KeyError(key)
        return "".join(part if isinstance(part, str) else str(args[part]) for part in parts)

    def _parts(self, key: str) -> _Parts | None:
        return self._messages.get(key, self._fallback.get(key))

    def __repr__(self) -> str:
        return f"Words({self.locale!r})"


class Catalogue:
    """All locales of a folder of message files, read once.

    Raises:
        ValueError: at construction, for a message that is no MessageFormat of ours: names file, key and cure.
        FileNotFoundError: if there is no `messages_en.properties`.
    """

    def __init__(self, folder: Path = assets.MESSAGES) -> None:
        source = _read(folder / f"messages_{SOURCE_LOCALE}.properties")
        self._words = {
            tag: Words(tag, _direction(tag), _read(path), source)
            for tag, path in assets.locales(folder).items()
        }
        self._written = {tag: _written(_babel(tag)) for tag in self._words}

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales there are, as BCP 47 tags (`en`, `de`, `pt-BR`)."""
        return tuple(self._words)

    def words(self, locale: str) -> Words:
        """The words of a locale of `locales`, or `KeyError`."""
        return self._words[locale]

    def negotiate(
        self, preferred: Sequence[str], accept_language: str | None, allowed: Sequence[str]
    ) -> Words:
        """The words that suit a request best.

        Args:
            preferred: language tags by preference, as in OpenID Connect's `ui_locales`; before the header.
            accept_language: the header (RFC 9110 §12.5.4); one that is overlong counts as absent.
            allowed: the realm's locales, its default first; those that have no file are skipped.
        """
        choices = [locale for locale in allowed if locale in self._words]
        for tag in (*preferred[:_MAX_TAGS], *_accepted(accept_language or "")):
            wish = _parsed(tag)
            served = self._serving(wish, choices) if wish else None
            if served:
                return self._words[served]
        return self._words[choices[0] if choices else SOURCE_LOCALE]

    def _serving(self, wish: Locale, choices: Sequence[str]) -> str | None:
        """Of the choices the one by the wish's name or a shorter one; else any in the same language and script."""
        by_name = next((tag for tag in _names(wish) if tag in choices), None)
        written = _written(wish)
        return by_name or next((tag for tag in choices if self._written[tag] == written), None)


def _accepted(header: str) -> list[str]:
    """The header's tags, best first, without what is malformed, unwanted (`q=0`) or `*`."""
    if len(header) > _MAX_HEADER_CHARS:
        return []
    ranges = (_RANGE.fullmatch(part) for part in header.split(",")[:_MAX_TAGS])
    weighed = [(float(found["q"] or 1), found["tag"]) for found in ranges if found and found["tag"] != "*"]
    return [tag for q, tag in sorted(weighed, key=lambda pair: -pair[0]) if q > 0]


def _parsed(unverified_tag: str) -> Locale | None:
    if not _LANGUAGE_TAG.fullmatch(unverified_tag):
        return None
    try:
        return Locale.parse(unverified_tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


def _names(locale: Locale) -> Iterator[str]:
    """The tags that would serve, most special first: `zh-Hans-CN`, `zh-CN`, `zh-Hans`, `zh`."""
    for subtags in (
        (locale.script, locale.territory),
        (locale.territory,),
        (locale.script,),
        (),
    ):
        if all(subtags):
            yield "-".join((locale.language, *cast("tuple[str, ...]", subtags)))


def _written(locale: Locale) -> tuple[str, str]:
    """Language and script: whoever reads `zh-HK` reads `zh-TW`, and not `zh-CN`."""
    _, script, _ = get_global("likely_subtags").get(locale.language, "__").split("_")
    return _READ_AS.get(locale.language, locale.language), locale.script or script


def _direction(tag: str) -> Literal["ltr", "rtl"]:
    return "rtl" if _babel(tag).text_direction == "rtl" else "ltr"


def _babel(tag: str) -> Locale:
    return Locale.parse(tag, sep="-")


def _read(path: Path) -> dict[str, _Parts]:
    with path.open(encoding="utf-8") as file:
        messages = javaproperties.load(file)
    return {key: tuple(_parts(text, f"{path.name}: {key}")) for key, text in messages.items()}


def _as_written(parts: _Parts) -> str:
    return "".join(part if isinstance(part, str) else f"{{{part}}}" for part in parts)


def _parts(text: str, where: str) -> Iterable[str | int]:
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "apostrophe":
                yield "'"
            case "argument":
                yield int(token["argument"])
            case "literal":
                yield token["literal"]
            case _:
                cure = "write '' for an apostrophe and {0} for an argument"
                raise ValueError(f"{where} has a stray {token['stray']!r}: {cure}")
