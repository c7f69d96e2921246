"""`passwordless doctor` without Keycloak's admin API: what is seen from outside, by a real sidecar and mail server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from sidecar import store
from sidecar.cli import main
from tests.conftest import SECRET_KEY
from tests.stack import MailServer, free_port, serving, write_settings

PASSWORD = "the-admins-password-that-nobody-must-read"
_ADMIN_SIDE = {"admin-api"}


@dataclass
class Front:
    """What Keycloak shows to everybody: the realm's name and its keys."""

    port: int = field(default_factory=free_port)
    issuer: str = ""
    algorithms: tuple[str, ...] = ("RS256", "ES256")

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def answer(self, path: str) -> dict[str, object] | None:
        realm = f"{self.url}/realms/acme"
        return {
            "/realms/acme/.well-known/openid-configuration": {"issuer": self.issuer or realm},
            "/realms/acme/protocol/openid-connect/certs": {"keys": [{"alg": it} for it in self.algorithms]},
        }.get(path)

    @contextmanager
    def running(self) -> Iterator[None]:
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                found = front.answer(self.path)
                body = json.dumps(found or {}).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass
class House:
    front: Front
    settings: object
    mail: MailServer

    def run(self, *arguments: str, **environment: str):
        values = {"PASSWORDLESS_SETTINGS": str(self.settings), "KEYCLOAK_ADMIN_PASSWORD": PASSWORD}
        return CliRunner().invoke(main, ["doctor", *(arguments or ("acme",))], env=values | environment)

    def findings(self, **environment: str) -> dict[str, str]:
        """The name of each check that found something to mend, beside the admin API, and all that it said."""
        ended = self.run("acme", "--json", **environment)
        assert ended.exit_code == 1, ended.output
        found = {
            check["name"]: " ".join(it["what"] for it in check["findings"])
            for check in json.loads(ended.stdout)["checks"]
            if check["state"] != "ok"
        }
        assert found.keys() >= _ADMIN_SIDE
        return {name: said for name, said in found.items() if name not in _ADMIN_SIDE}


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("doctor-outside")
    front, mail, port = Front(), MailServer(), free_port()
    mail.start()
    path = write_settings(
        folder / "passwordless.toml",
        sidecar_port=port,
        keycloak_url=front.url,
        database_url=f"sqlite:///{folder}/passwordless.db",
        smtp_port=mail.port,
        realms={"acme": False},
        secret_key=SECRET_KEY,
    )
    with front.running(), serving(path, port=port, log=folder / "sidecar.log", workers=1):
        yield House(front=front, settings=path, mail=mail)
    mail.stop()


def test_without_the_admin_api_the_rest_is_looked_at_all_the_same(house):
    ended = house.run()

    assert ended.exit_code == 1
    assert "problem  Keycloak's admin API" in ended.stdout
    assert "why: nothing of the realm's inside was looked at" in ended.stdout
    assert "ok       connection email of the sidecar takes Keycloak's redirect URI" in ended.stdout
    assert "ok       provider smtp answers (email)" in ended.stdout
    assert "1 with problems" in ended.stdout
    assert house.mail.mails == []
    assert house.findings() == {}


def test_no_secret_is_shown(house):
    house.mail.stop()
    try:
        said = house.run().output + house.run("acme", "--json").output
    finally:
        house.mail.start()
    assert PASSWORD not in said
    assert SECRET_KEY not in said


def test_a_keycloak_of_another_name_breaks_the_redirect_uri(house):
    house.front.issuer = "https://id.example.net/realms/acme"
    try:
        found = house.findings()
    finally:
        house.front.issuer = ""
    assert found.keys() == {"keycloak-public", "redirect-uri:email"}
    assert "https://id.example.net/realms/acme" in found["keycloak-public"]
    assert "https://id.example.net/realms/acme/broker/email/endpoint" in found["redirect-uri:email"]


def test_a_name_that_follows_the_host_is_found(house):
    assert (
        house.findings(
            PASSWORDLESS__KEYCLOAK__INTERNAL_URL=house.front.url.replace("localhost", "127.0.0.1")
        ).keys()
        == set()
    )
    house.front.issuer = "https://id.example.net/realms/acme"
    other = Front(algorithms=("RS256",))
    try:
        with other.running():
            found = house.findings(PASSWORDLESS__KEYCLOAK__INTERNAL_URL=other.url)
    finally:
        house.front.issuer = ""
    assert found.keys() >= {"keycloak-internal", "keycloak-keys"}
    assert other.url in found["keycloak-internal"]


def test_a_keycloak_that_is_away_is_found(house):
    found = house.findings(PASSWORDLESS__KEYCLOAK__URL=f"http://localhost:{free_port()}")
    assert found.keys() == {"keycloak-public", "keycloak-keys"}
    assert "can't be reached" in found["keycloak-keys"]


def test_a_sidecar_that_is_away_is_found_at_each_address(house):
    gone = f"http://localhost:{free_port()}"
    public = house.findings(PASSWORDLESS__SERVER__PUBLIC_URL=gone)
    internal = house.findings(PASSWORDLESS__SERVER__INTERNAL_URL=gone)
    assert {"sidecar-public:email", "redirect-uri:email"} <= public.keys()
    assert "can't be reached" in public["sidecar-public:email"]
    assert internal.keys() == {"sidecar-internal:email", "redirect-uri:email"}


def test_a_sidecar_of_another_name_is_found(house, tmp_path):
    """The same process, asked under the internal URL by settings whose public URL is another one's."""
    other = f"http://localhost:{free_port()}"
    text = house.settings.read_text()
    served = json.loads(text.split("public_url = ")[1].split("\n")[0])
    found = house.findings(PASSWORDLESS__SERVER__PUBLIC_URL=other, PASSWORDLESS__SERVER__INTERNAL_URL=served)
    assert f"{served}/realms/acme/email" in found["sidecar-internal:email"]
    assert f"{other}/realms/acme/email" in found["sidecar-internal:email"]


def test_keys_of_another_database_are_found(house, tmp_path):
    store.migrate(f"sqlite:///{tmp_path}/other.db")
    found = house.findings(PASSWORDLESS__DATABASE__URL=f"sqlite:///{tmp_path}/other.db")
    assert found.keys() == {"sidecar-public:email"}
    assert "and the database no key" in found["sidecar-public:email"]


def test_a_database_of_another_version_is_a_finding_and_the_rest_goes_on(house, tmp_path):
    found = house.findings(PASSWORDLESS__DATABASE__URL=f"sqlite:///{tmp_path}/empty.db")
    assert found.keys() == {"database", "sidecar-public:email"}
    assert "db upgrade" in found["database"]


def test_what_can_not_be_run_at_all_is_exit_code_2(house, tmp_path):
    unknown = house.run("nowhere")
    assert (unknown.exit_code, "no realm 'nowhere'" in unknown.stderr) == (2, True)
    broken = house.run("acme", PASSWORDLESS__SERVER__PUBLIC_URL="nonsense")
    assert (broken.exit_code, "server.public_url" in broken.stderr) == (2, True)


def test_its_help_explains(house):
    page = house.run("--help").stdout
    assert "Exit codes: 0 all is well, 1 warnings or problems, 2 could not run." in page
    assert "--admin-password-file" in page
    assert "--admin-password " not in page
