"""The examples that are programs, as they are: the Flask application, and the command line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from sidecar.assets import EXAMPLES
from tests.e2e.api_callers import let_call
from tests.e2e.conftest import NUMBERS
from tests.e2e.test_sign_in import type_code
from tests.stack import free_port, wait_until

pytestmark = [pytest.mark.keycloak, pytest.mark.browser]


@pytest.fixture
def flask(stack, tmp_path):
    """The Flask example, running; its URL."""
    port = free_port()
    url = f"http://localhost:{port}"
    stack.admin.at("realms", NUMBERS).post(
        "clients",
        body={
            "clientId": "flask-example",
            "publicClient": True,
            "redirectUris": [f"{url}/signed-in"],
            "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": f"{url}/"},
        },
    )
    told = {"ISSUER": f"{stack.keycloak}/realms/{NUMBERS}", "CLIENT_ID": "flask-example", "PORT": str(port)}
    log = (tmp_path / "flask.log").open("w+")
    running = subprocess.Popen(
        [sys.executable, EXAMPLES / "flask" / "app.py"],
        env={**os.environ, **told},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    yield url
    running.terminate()
    running.wait()
    log.close()


def test_the_flask_application_signs_in_and_out(stack, page, flask, shots):
    address = stack.new_address("flask")

    def answers():
        try:
            return page.goto(flask)
        except Exception:
            return None

    wait_until(answers, "the Flask example answers")
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.get_by_label("Email address or mobile number").fill(address)
    page.keyboard.press("Enter")
    type_code(page, stack.mail.wait_for(address).code)
    expect(page.locator("#who")).to_have_text(address)
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "a phone need not scroll sideways"
    )
    shots(page, "flask")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in", exact=True).click()
    expect(page.get_by_label("Email address or mobile number")).to_be_visible()


def test_the_command_line_signs_in_and_keeps_nothing(stack, tmp_path):
    """It asks twice, a wrong code is told, and the person's name is printed."""
    client = "command-line"
    stack.admin.at("realms", NUMBERS).post("clients", body={"clientId": client, "publicClient": True})
    let_call(stack.admin, stack.settings, NUMBERS, client)
    number = stack.new_number()
    running = subprocess.Popen(
        [sys.executable, EXAMPLES / "command-line" / "sign_in.py"],
        env={"LOGIN_URL": stack.sidecar, "CLIENT_ID": client, "HOME": str(tmp_path)},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running.stdin.write(f"{number}\n")
    running.stdin.flush()
    code = stack.gateway.wait_for(number).code
    told, errors = running.communicate(f"{(int(code) + 1) % 10**6:06d}\n{code}\n", timeout=60)

    assert 0 == running.returncode, errors
    assert f"Signed in as {number}." in told
    assert 1 == len(errors.strip().splitlines()), errors
    assert [] == list(tmp_path.iterdir())
