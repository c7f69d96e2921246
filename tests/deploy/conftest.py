"""The deployment, started once for this folder, and a browser that knows its host name and certificate."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page

from sidecar.demo.keycloak import JAVA_OPTIONS
from tests.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.production import HOST, Production, production


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    # A JVM that compiles less starts sooner, and nothing here measures it.
    with production(java_options=JAVA_OPTIONS) as stack:
        yield stack


@pytest.fixture(scope="session")
def browser(chromium: Browser, deployment: Production) -> Iterator[Browser]:
    """Any certificate but this one is an error to it, as it should be."""
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM,
        args=[
            *CHROMIUM_FLAGS,
            f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
            f"--ignore-certificate-errors-spki-list={_pin(deployment.folder / 'tls' / 'fullchain.pem')}",
        ],
    )
    yield browser
    browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a browser context of its own; options are Playwright's."""
    contexts = []

    def make(**options: object) -> Page:
        context = browser.new_context(**{"locale": "en-GB", **options})  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def _pin(certificate: Path) -> str:
    leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    public_key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(public_key).digest()).decode()
