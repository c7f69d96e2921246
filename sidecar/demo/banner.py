"""What the demo tells once it runs: for people, or as JSON."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from sidecar import assets
from sidecar.demo.clients import COMMAND_LINE, CONFIDENTIAL
from sidecar.demo.stack import REALM, STARTS_PER_NETWORK_PER_HOUR, DemoStack


def as_json(stack: DemoStack, *, state: str) -> dict[str, Any]:
    """The banner for scripts."""
    username, password = stack.admin
    urls = stack.urls
    return {
        "realm": REALM,
        "sign_in_url": urls.account,
        "account_page_url": urls.addresses,
        "inbox_url": urls.inbox,
        "inbox_api_url": f"{urls.inbox}/api/v1",
        "keycloak_url": urls.keycloak,
        "sidecar_url": urls.sidecar,
        "example_url": urls.example,
        "flask_url": urls.flask,
        "command_line": _command_line(stack),
        "client_id": CONFIDENTIAL,
        "client_secret": stack.client_secret,
        "admin_console_url": urls.admin_console,
        "admin_username": username,
        "admin_password": password,
        "state": state,
    }


def show(stack: DemoStack, console: Console, *, state: str) -> None:
    """The banner for people."""
    username, password = stack.admin
    table = Table.grid(padding=(0, 2))
    rows = (
        ("Sign in", stack.urls.account),
        ("Own addresses", f"{stack.urls.addresses} (add, remove, choose)"),
        ("Inbox", stack.urls.inbox),
        ("Flask example", f"{stack.urls.flask} (sends people to the login page)"),
        ("Single page", f"{stack.urls.example} (codes on its own page)"),
        ("Command line", _command_line(stack)),
        ("API and SDKs", stack.urls.sidecar),
        ("", f"client {CONFIDENTIAL}, secret {stack.client_secret}"),
        ("Admin console", stack.urls.admin_console),
        ("", f"user {username}, password {password}"),
        ("Logs and state", state),
    )
    for label, value in rows:
        table.add_row(f"[dim]{label}[/dim]", escape(value))
    words = (
        f"Give any email address or mobile number; its code arrives in the inbox. One limit is raised, to"
        f" {STARTS_PER_NETWORK_PER_HOUR:,} starts an hour from this machine; every other one is the default."
    )
    if console.is_terminal:
        console.print(Panel(table, title="Passwordless login is ready", border_style="green", expand=False))
    else:
        console.print("Passwordless login is ready")
        for label, value in rows:
            console.print(f"  {label:<15} {value}", highlight=False, markup=False, soft_wrap=True)
    console.print(words, highlight=False, soft_wrap=not console.is_terminal)
    console.print("Ctrl-C stops it all; the next start takes up what is there.", highlight=False)


def _command_line(stack: DemoStack) -> str:
    """What to type for the example in a terminal."""
    script = assets.EXAMPLES / "command-line" / "sign_in.py"
    return f"LOGIN_URL={stack.urls.sidecar} CLIENT_ID={COMMAND_LINE} python3 {script}"
