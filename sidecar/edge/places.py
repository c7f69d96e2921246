"""About where a network is, from a database file in MaxMind's format: GeoLite2 City or Country, and those like them.

https://maxmind.github.io/MaxMind-DB/ is the format. Who makes such a file is not us, so its names are checked like
anything from outside before they go into a message.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from sidecar.edge.asker import Nowhere, Places
from sidecar.errors import SettingsError

_KEY = "server.geoip_database"
_HOW = f"{_KEY} is set, but maxminddb is not installed: pip install 'keycloak-passwordless[geoip]'"
_MAX_NAME_CHARS = 60
_SOURCE_LANGUAGE = "en"
# A dot only where a word ends there, so that no mail program takes a name for a link.
_PUNCTUATED = re.compile(r"(?:[^\W_]|[ '’(),-]|\.(?=[ ,)]|$))+")
_FIGURES = re.compile(r"\d\D*\d\D*\d")
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def places_of(path: str) -> Places:
    """The places of a database file; of an empty path, none. The file is read where it is, as long as we run.

    Raises:
        SettingsError: the extra `geoip` is not installed, or the file is none with cities or countries.
    """
    if not path:
        return Nowhere()
    try:
        maxminddb = import_module("maxminddb")
    except ImportError as err:
        raise SettingsError(_HOW) from err
    try:
        reader = maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as err:
        raise SettingsError(
            f"{_KEY}: {path} can't be read as a MaxMind database ({err}): mend the path or fetch the file anew"
        ) from err
    kind = reader.metadata().database_type
    if not re.search("City|Country|Enterprise", kind):
        reader.close()
        raise SettingsError(f"{_KEY}: {path} is a {kind} database: take one of cities or countries")
    return MaxMindPlaces(reader, damage=maxminddb.InvalidDatabaseError)


class MaxMindPlaces:
    """`Places` over an open reader of `maxminddb`, which says `damage` where the file is broken."""

    def __init__(self, reader: Any, *, damage: type[Exception]) -> None:
        self._reader = reader
        self._damage = damage

    def near(self, network: str, locale: str) -> tuple[str | None, str | None]:
        """City and country of a network (`edge.network`); nothing of a private one, nor of one that is not listed."""
        try:
            address = ipaddress.ip_network(network).network_address
        except ValueError:
            return None, None
        if not address.is_global:
            return None, None
        record = self._record(address)
        country = _name(record.get("country"), locale)
        return (_name(record.get("city"), locale) if country else None), country

    def _record(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Mapping[str, Any]:
        try:
            record = self._reader.get(address)
        except (ValueError, self._damage):
            # An IPv6 address in a file of IPv4, or a damaged spot: a login must not fail for it.
            return {}
        return record if isinstance(record, Mapping) else {}


def _name(unverified_entry: Any, locale: str) -> str | None:
    """The first name that may be shown: in the language, else in English."""
    names = unverified_entry.get("names") if isinstance(unverified_entry, Mapping) else None
    if not isinstance(names, Mapping):
        return None
    return next((name for tag in _tags(locale) if (name := _shown(names.get(tag)))), None)


def _tags(locale: str) -> Iterator[str]:
    yield from (locale, locale.partition("-")[0], _SOURCE_LANGUAGE)


def _shown(unverified_name: Any) -> str | None:
    """A name as it is, if it is short and plain: letters that run as our texts do, no line, link or number."""
    if not isinstance(unverified_name, str) or len(unverified_name) > _MAX_NAME_CHARS:
        return None
    name = unicodedata.normalize("NFC", unverified_name)
    runs_backwards = any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in name)
    # Marks belong to letters in many scripts; heaped up, they hide the lines around them.
    bare = "".join(char for char in name if not unicodedata.category(char).startswith("M"))
    if runs_backwards or len(name) > 2 * len(bare):
        return None
    if _FIGURES.search(bare) or not _PUNCTUATED.fullmatch(bare):
        return None
    return name.strip() or None
