"""A deployment as SDKs want one: TLS in front, at one host name, with an authority that nobody knows yet.

https://localhost:PORT/                 the sidecar, with its face for SDKs
https://localhost:PORT/realms/sdks/     Keycloak, whose issuer that is
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from sidecar.keycloak import Admin, apply_realm, connect
from sidecar.settings import Settings, load
from tests import images
from tests.authority import issue_certificate
from tests.conftest import SECRET_KEY
from tests.e2e.api_callers import let_call
from tests.gateway import Gateway
from tests.stack import MailServer, Server, free_port, serving, wait_until, write_settings

REALM = "sdks"
CLIENT_ID, CLIENT_SECRET = "a-server", "a-secret-of-this-test-run"

_NGINX = """
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/fullchain.pem;
    ssl_certificate_key {folder}/privkey.pem;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto https;
        location /realms/ {{
            proxy_pass {keycloak};
        }}
        location / {{
            proxy_pass {sidecar};
        }}
    }}
}}
"""


@dataclass(frozen=True, kw_only=True)
class House:
    """What an SDK is told, and what its messages end in. `ca_file`: the authority of the certificate."""

    domain: str
    ca_file: Path
    mail: MailServer
    gateway: Gateway

    @property
    def issuer(self) -> str:
        return f"https://{self.domain}/realms/{REALM}"


@contextmanager
def house(folder: Path, *, keycloak_url: str, keycloak_admin: tuple[str, str]) -> Iterator[House]:
    port, inside = free_port(), free_port()
    public_url, sidecar_url = f"https://localhost:{port}", f"http://127.0.0.1:{inside}"
    ca_file = issue_certificate("localhost", folder)
    mail, gateway = MailServer(), Gateway()
    environment = {
        "PASSWORDLESS__SERVER__PUBLIC_URL": public_url,
        "PASSWORDLESS__SERVER__INTERNAL_URL": sidecar_url,
        "PASSWORDLESS__SERVER__TRUSTED_HOPS": "1",
        "PASSWORDLESS__KEYCLOAK__INTERNAL_URL": keycloak_url,
    }
    path = write_settings(
        folder / "passwordless.toml",
        sidecar_port=inside,
        keycloak_url=public_url,
        database_url=f"sqlite:///{folder}/passwordless.db",
        smtp_port=mail.port,
        realms={REALM: False},
        numbers=[REALM],
        gateway_url=gateway.url,
        secret_key=SECRET_KEY,
        more=f'[sdk]\ndefault_realm = "{REALM}"\n',
    )
    settings = load(path, environment)
    admin = connect(settings, username=keycloak_admin[0], password=keycloak_admin[1])
    with ExitStack() as ending:
        for server in (mail, gateway):
            server.start()
            ending.callback(server.stop)
        _delete_realm(admin)
        ending.callback(_delete_realm, admin)
        _prepare_realm(admin, settings)
        ending.enter_context(serving(path, port=inside, log=folder / "sidecar.log", **environment))
        ending.enter_context(_tls(folder, port=port, keycloak=keycloak_url, sidecar=sidecar_url))
        yield House(domain=f"localhost:{port}", ca_file=ca_file, mail=mail, gateway=gateway)


def _prepare_realm(admin: Admin, settings: Settings) -> None:
    """With `apply`, an issuer at the public URL, and a confidential client that is switched on."""
    apply_realm(admin, settings, REALM, create=True, theme="passwordless")
    realm = admin.at("realms", REALM)
    described = realm.get()
    described["attributes"]["frontendUrl"] = settings.keycloak.url
    realm.put(body=described)
    realm.post(
        "clients",
        body={
            "clientId": CLIENT_ID,
            "secret": CLIENT_SECRET,
            "publicClient": False,
            "standardFlowEnabled": True,
            "redirectUris": ["http://localhost/app"],
        },
    )
    let_call(admin, settings, REALM, CLIENT_ID)


def _delete_realm(admin: Admin) -> None:
    if admin.find("realms", REALM):
        admin.delete("realms", REALM)


@contextmanager
def _tls(folder: Path, *, port: int, keycloak: str, sidecar: str) -> Iterator[None]:
    """TLS in front of both, by nginx, until it is not needed any more."""
    home = folder / "nginx"
    home.mkdir()
    for name in ("fullchain.pem", "privkey.pem"):
        shutil.copy(folder / name, home)
    conf = home / "nginx.conf"
    conf.write_text(
        _NGINX.format(folder=home, port=port, keycloak=keycloak, sidecar=sidecar), encoding="utf-8"
    )
    with (home / "output").open("ab") as output:
        process = subprocess.Popen(
            [images.nginx(), "-c", conf, "-e", home / "error.log", "-g", "daemon off;"],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process, home / "output")
    try:
        wait_until(lambda: _answers(server, f"https://localhost:{port}", folder), "nginx to answer")
        yield
    finally:
        server.stop()


def _answers(server: Server, url: str, folder: Path) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        return requests.get(f"{url}/.well-known/jwks.json", verify=folder / "authority.pem", timeout=5).ok
    except requests.ConnectionError:
        return False
