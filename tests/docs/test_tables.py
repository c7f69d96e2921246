"""Error codes, events, log lines, tables and templates are documented as they are in the code."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

import sidecar
from sidecar.delivery import render
from sidecar.delivery.render import FILES, MESSAGES, Renderer
from sidecar.errors import SidecarError
from sidecar.login import limits
from sidecar.model.asker import Asker
from sidecar.model.events import Event
from sidecar.oidc import requests, token
from sidecar.store.tables import events, metadata
from sidecar.web import failures
from sidecar.words import Catalogue
from tests.docs.markdown import DOCS, ROOT, blocks, first_cells, rows, sections, words_in_code

PACKAGE = Path(sidecar.__file__).parent


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def subclasses(of: type) -> set[type]:
    return {of} | {each for child in of.__subclasses__() for each in subclasses(child)}


def import_everything() -> None:
    for module in pkgutil.walk_packages(sidecar.__path__, "sidecar."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)


def called_with(module_file: Path, function: str, position: int = 0) -> set[str]:
    """The literal arguments in that position of all calls of a name in a file."""
    tree = ast.parse(module_file.read_text(encoding="utf-8"))
    found = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name == function and len(call.args) > position:
            found |= {
                node.value
                for node in ast.walk(call.args[position])
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


def test_every_error_code_is_documented_and_no_other():
    import_everything()
    codes = {error.code for error in subclasses(SidecarError) - {SidecarError}}
    documented = {cells[0].strip("`") for cells in rows(page("errors.md").partition("\n## ")[0])}
    assert codes == documented


def test_the_statuses_of_pages_are_documented_as_they_are():
    documented = {cells[0].strip("`"): cells[2] for cells in rows(page("errors.md").partition("\n## ")[0])}
    for error, (status, *_) in failures._TABLE.items():
        assert str(status) in documented[error.code], error.code


def test_every_error_on_the_wire_is_documented():
    wire = sections(page("errors.md"))["Errors on the wire"]
    raised = (
        called_with(Path(requests.__file__), "_Refused")
        | set(requests._UNSUPPORTED.values())
        | called_with(Path(token.__file__), "TokenRefused")
        | set(re.findall(r'jsonify\(error="(\w+)"\)', inspect.getsource(token)))
        | {"access_denied"}
    )
    assert raised == first_cells(wire)


def test_every_event_is_documented_and_no_other():
    documented = {cells[0].strip("`") for cells in rows(page("events.md").partition("\n## ")[0])}
    assert {event.value for event in Event} == documented


def test_what_counts_towards_which_limit_is_documented_as_it_is(settings_for):
    given = next(iter(settings_for("sqlite:///unused.db").realms.values())).connections["email"].limits
    counted = {
        (event.value, budget.name)
        for budgets in (
            limits.for_start(given),
            limits.for_resend(given),
            limits.for_try(given),
            limits.for_short_codes(given, 6, client="shop"),
        )
        for budget in budgets
        for event in budget.counts
    }
    documented = {
        (cells[0].strip("`"), name)
        for cells in rows(page("events.md").partition("\n## ")[0])
        for name in words_in_code(cells[3]) - {event.value for event in Event}
    }
    assert counted == documented


def test_every_column_of_the_ledger_is_documented():
    assert {column.name for column in events.c} == first_cells(sections(page("events.md"))["Columns"])


def test_every_table_is_documented():
    documented = first_cells(sections(page("architecture.md"))["The tables"])
    assert set(metadata.tables) == documented


def test_every_log_line_is_documented():
    methods = ("debug", "info", "warning", "error", "exception")
    written = {
        name
        for file in PACKAGE.rglob("*.py")
        if "demo" not in file.parts and "_log = structlog" in file.read_text(encoding="utf-8")
        for method in methods
        for name in called_with(file, method)
    }
    assert written == first_cells(sections(page("operations.md"))["Logs"].partition("**What is blanked")[0])


def test_every_file_that_the_architecture_names_exists():
    text = page("architecture.md")
    named = {word for word in words_in_code(text) if re.fullmatch(r"(sidecar|themes)/[\w./-]+", word)}
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_every_room_is_in_the_architecture():
    text = page("architecture.md")
    rooms = {
        entry.name
        for entry in PACKAGE.iterdir()
        if (entry / "__init__.py").is_file() or (entry.suffix == ".py" and entry.name != "__init__.py")
    }
    table = " ".join(words_in_code(sections(text)["The rooms"]))
    assert not [room for room in rooms if room not in table]


def test_the_layers_of_the_architecture_are_those_that_are_checked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(each for each in contracts if each["type"] == "layers")["layers"]
    drawing = sections(page("architecture.md"))["Who may import whom"].partition("Imports point down")[0]
    drawn = [set(re.findall(r"[a-z]+", line.partition(" ..")[0])) for line in drawing.splitlines()]
    drawn = [line for line in drawn if line]
    flat = [set(layer.replace("sidecar.", "").replace("|", " ").split()) for layer in layers]
    # The drawing puts `serving` and `app` side by side.
    at = flat.index({"serving"})
    flat[at : at + 2] = [flat[at] | flat[at + 1]]
    assert flat == drawn


def test_the_variables_of_mail_templates_are_documented_as_they_are():
    tree = ast.parse(inspect.getsource(render))
    given = next(
        {key.value for key in node.value.keys}
        for node in ast.walk(tree)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict)
    )
    assert given - {"words"} == first_cells(sections(page("templates.md"))["Variables"])


def test_the_limits_of_mail_templates_are_documented_as_they_are():
    limited = render._Limited
    numbers = {
        int(number) * (1024 if unit else 1)
        for cells in rows(sections(page("templates.md"))["Limits"])
        for number, unit in re.findall(r"(\d+)( KiB)?", cells[1])
    }
    assert numbers == {
        render._MAX_TEMPLATE_BYTES,
        limited.output_stream_limit,
        limited.loop_iteration_limit,
        limited.local_namespace_limit,
        limited.context_depth_limit,
    }


@pytest.mark.parametrize(("number", "method"), [(0, "code"), (1, "link"), (1, "both")])
def test_the_example_templates_render_and_their_files_are_those_that_are_read(
    tmp_path, settings_for, number, method
):
    text = page("templates.md")
    folder = tmp_path / "templates"
    (folder / "login_email").mkdir(parents=True)
    *examples, text_message = blocks(text, "liquid")
    (folder / "login_email" / "body.txt").write_text(examples[number], encoding="utf-8")
    settings = settings_for("sqlite:///unused.db", REALMS__ACME__TEMPLATES=str(folder))
    email = replace(settings.realms["acme"].connections["email"], method=method)
    renderer = Renderer(
        Catalogue(),
        [replace(settings.realms["acme"], connections={"email": email})],
        host="login.example.org",
    )

    mail = renderer.render(
        realm="acme",
        template="login_email",
        code="012345" if method != "link" else "",
        link_url="https://x.example/l" if method != "code" else "",
        not_me_url="https://x.example",
        locale="de",
        minutes=5,
        asker=Asker(),
        asked_at=0,
    )

    assert mail.text.startswith("Mit diesem Code" if method == "code" else "\u00d6ffnen Sie diesen Link")
    assert ("012345" in mail.text) == (method != "link")
    assert ("https://x.example/l" in mail.text) == (method != "code")
    assert text_message == (render._TEMPLATES / "login_sms" / "body.txt").read_text("utf-8")
    assert all(f"{template}/" in text for template in MESSAGES)
    assert all(name in text for name in FILES)


@pytest.mark.parametrize("name", ["events.md"])
def test_the_sql_of_the_docs_runs_on_postgresql(name, postgres_url):
    statements = [
        statement
        for block in blocks(page(name), "sql")
        for statement in block.split(";")
        if statement.strip()
    ]
    assert statements
    with psycopg.connect(postgres_url) as connection:
        for statement in statements:
            connection.execute(statement)
