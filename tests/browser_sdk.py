"""auth0-js as its package has it for browsers, unmodified."""

from __future__ import annotations

import tarfile

from tests import npm

VERSION = "10.2.1"
_INTEGRITY = "sha512-8jaYQEDrRkfD4nS7Kot4AM189OIfgABySpZM7L9vGyEIvBOxYEelnU7wpkwUW/XxvNBzlc7kt6m45OVfGwQvDw=="
_FILE = "package/dist/auth0.min.js"


def auth0_js() -> bytes:
    """The script.

    Raises:
        RuntimeError: as `npm.archive`.
    """
    with tarfile.open(npm.archive("auth0-js", VERSION, _INTEGRITY)) as package:
        script = package.extractfile(_FILE)
        assert script is not None
        return script.read()
