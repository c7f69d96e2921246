"""Links lead somewhere, and what a reader is told to type exists."""

from __future__ import annotations

import re
import shlex
import subprocess

import click
import pytest

from sidecar.cli import main
from tests.docs.markdown import DOCS, ROOT, anchors, blocks, first_cells, links, name_of, pages, sections

PAGES = pages()
#: Flows and mappers there begin with the word as well.
REALM_CONFIG = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "realm-config").glob("*.json"))


def commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Every command that does something, by its words."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in group.commands.items():
        here = (*path, name)
        found |= commands(command, here) if isinstance(command, click.Group) else {here: command}
    return found


COMMANDS = commands(main)


def options_of(command: click.Command) -> set[str]:
    return {
        option
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page):
    dead = []
    for target in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_of_the_machine_it_was_written_on_is_in_it(page):
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(root|home|Users)/|file://", text)


def shell_lines(text: str) -> list[str]:
    """The commands of shell sessions, with comments and continued lines taken care of."""
    sessions = [*blocks(text, "console"), *blocks(text, "sh"), *blocks(text, "bash")]
    lines = [line for block in sessions for line in block.replace("\\\n", " ").splitlines()]
    prompts = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    inline = re.findall(r"`((?:[A-Z_]+=\S+ )*(?:make|passwordless) [^`]+)`", text)
    return prompts + inline


def called(line: str) -> list[str]:
    words = shlex.split(line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_named_exists(page):
    for line in shell_lines(page.read_text(encoding="utf-8")):
        words = called(line)
        if words[:1] == ["make"]:
            targets = [word for word in words[1:] if "=" not in word]
            assert set(targets) <= make_targets(), line


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_and_option_that_is_named_exists(page):
    for line in shell_lines(page.read_text(encoding="utf-8")):
        words = [word.strip("[]") for word in called(line)]
        if not words or words[0].rpartition("/")[2] != "passwordless" or f'"{line}"' in REALM_CONFIG:
            continue
        assert_exists(words[1:], line)


def assert_exists(words: list[str], line: str) -> None:
    words = list(words)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        assert option in options_of(main) | {"--help", "-h"}, line
        if option == "--settings":
            words.pop(0)
    if not words:
        return
    command: click.Command = main
    while isinstance(command, click.Group) and words:
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    given = {word for word in words if word.startswith("-")}
    assert given <= options_of(command) | {"--help", "-h"}, line


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_documented(words):
    operations = sections((DOCS / "operations.md").read_text(encoding="utf-8"))["Commands"]
    demo = (DOCS / "demo.md").read_text(encoding="utf-8")
    assert any(cell.startswith(" ".join(("passwordless", *words))) for cell in first_cells(operations))
    if words == ("demo",):
        assert options_of(COMMANDS[words]) == {
            word for word in first_cells(sections(demo)["Options"]) if word.startswith("--")
        }
    else:
        assert not [it for it in options_of(COMMANDS[words]) if not re.search(rf"{it}\b", operations)]


def test_the_options_of_the_command_itself_are_documented():
    operations = sections((DOCS / "operations.md").read_text(encoding="utf-8"))["Commands"]
    assert not [option for option in options_of(main) if f"{option}" not in operations]


def test_every_variable_of_an_option_is_documented():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    variables = {
        parameter.envvar
        for command in (main, *COMMANDS.values())
        for parameter in command.params
        if isinstance(parameter.envvar, str)
    }
    assert variables
    assert not [variable for variable in variables if variable not in text]


def test_the_readme_begins_with_what_a_newcomer_types():
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert "make demo" in first_screen
    assert "make test" in first_screen
    assert ["docs/images/flow.svg", "docs/images/login.png"] == links(first_screen)


@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_make_knows_what_the_readme_and_the_house_rules_name(target):
    """`make -n` expands the rules without running them."""
    asked = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr


def test_make_help_lists_what_the_readme_names():
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"demo", "test", "check", "help"} <= set(re.findall(r"make ([a-z-]+)", listed))


def test_every_decision_is_listed_and_has_its_four_parts():
    listed = set(links(sections((DOCS / "architecture.md").read_text(encoding="utf-8"))["Decisions"]))
    decisions = sorted((DOCS / "adr").glob("*.md"))
    assert {f"adr/{path.name}" for path in decisions} == listed
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} ")
        assert ["Context", "Decision", "Alternatives", "Consequences"] == list(sections(text))
