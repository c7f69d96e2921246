"""The demo has the account page on, and says where it is."""

from __future__ import annotations

import io

from rich.console import Console

from sidecar import settings as settings_module
from sidecar.demo import banner
from sidecar.demo.java import Java
from sidecar.demo.ports import Ports
from sidecar.demo.report import Report
from sidecar.demo.stack import REALM, DemoStack
from sidecar.demo.state import State


def test_people_find_their_addresses_by_the_banner(tmp_path):
    state = State(tmp_path)
    stack = DemoStack(
        state,
        distribution=lambda: tmp_path,
        java=Java(executable=tmp_path, version=25, origin="a test"),
        ports=Ports(sidecar=5999),
        environment={},
        report=Report(Console(file=io.StringIO())),
    )
    text = io.StringIO()
    file = tmp_path / "demo.toml"
    file.write_text(stack._settings_text(stack._secrets()), encoding="utf-8")

    banner.show(stack, Console(file=text), state="here")

    url = "http://localhost:5999/realms/demo/account"
    assert banner.as_json(stack, state="here")["account_page_url"] == url
    assert url in text.getvalue()
    realm = settings_module.load(file, {}).realms[REALM]
    assert (realm.account_page, realm.service_account) == (True, True)
