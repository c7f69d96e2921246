"""Which SDKs run, how each is started, and what it makes of what it is answered."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import playwright

from tests import npm
from tests.sdks import compiled
from tests.sdks.driver import Driver, driver
from tests.sdks.house import House

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Sdk:
    """`wrong`: the error's type and code for a wrong code. `refuses`: what it says of Keycloak's issuer; empty: it
    takes ID tokens. `always_openid`: it asks for one whether told or not.
    """

    name: str
    run: Callable[[House, Path], AbstractContextManager[Driver]]
    wrong: tuple[str, str]
    refuses: str = ""
    always_openid: bool = False


def node(
    script: str, *, knows_issuer: bool = False
) -> Callable[[House, Path], AbstractContextManager[Driver]]:
    """With the Node that Playwright's package carries."""

    @contextmanager
    def run(house: House, folder: Path) -> Iterator[Driver]:
        modules = npm.installed(HERE / "node" / "package-lock.json")
        for source in (HERE / "node").glob("*.mjs"):
            (folder / source.name).write_bytes(source.read_bytes())
        (folder / "node_modules").symlink_to(modules)
        program = Path(playwright.__file__).parent / "driver" / "node"
        more = {"NODE_EXTRA_CA_CERTS": str(house.ca_file)} | (
            {"ISSUER": house.issuer} if knows_issuer else {}
        )
        with driver([program, folder / script], house, log=folder / "log", **more) as running:
            yield running

    return run


@contextmanager
def server_python(house: House, folder: Path) -> Iterator[Driver]:
    command = [sys.executable, HERE / "python" / "server_sdk.py"]
    with driver(command, house, log=folder / "log", SSL_CERT_FILE=str(house.ca_file)) as running:
        yield running


SCRIPTED = (
    Sdk(
        name="auth0 for Node",
        run=node("auth0.mjs"),
        wrong=("AuthApiError", "invalid_grant"),
        refuses="Issuer (iss) claim mismatch in the ID token",
    ),
    Sdk(
        name="auth0-auth-js, told of the issuer",
        run=node("auth_js.mjs", knows_issuer=True),
        wrong=("PasswordlessVerifyError", "invalid_grant"),
    ),
    Sdk(
        name="auth0-server-python",
        run=server_python,
        wrong=("PasswordlessVerifyError", "invalid_grant"),
        always_openid=True,
    ),
)
COMPILED = (
    Sdk(
        name="go-auth0",
        run=compiled.go,
        wrong=("authentication.Error", "invalid_grant"),
        refuses='"iss" not satisfied',
    ),
    Sdk(
        name="auth0-java, told of the issuer",
        run=compiled.java,
        wrong=("APIException", "invalid_grant"),
    ),
)
