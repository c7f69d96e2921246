"""The table of threats is whole, and what it names is there: code, tests, saboteurs."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch

from tests.docs.markdown import DOCS, ROOT, rows, sections, words_in_code

TEXT = (DOCS / "security.md").read_text(encoding="utf-8")
TABLE = [cells for cells in rows(sections(TEXT)["Threat, answer, proof"]) if len(cells) == 5]
#: Letter → its numbers. F9 is missing: it is of API keys, and there are none of ours.
WANTED = {
    "A": range(1, 18),
    "B": range(1, 9),
    "C": range(1, 12),
    "D": range(1, 9),
    "E": range(1, 20),
    "F": (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12),
    "G": range(1, 11),
}
IS_ABSENT = re.compile(r"does not apply|not offered")


def ids(cell: str) -> list[str]:
    """`A1, A4 guessing` → A1 and A4."""
    found = re.match(r"(?:[A-G]\d{1,2}(?:, )?)+(?= )", cell)
    return found[0].split(", ") if found else []


def test_every_threat_is_in_the_table():
    listed = {each for cells in TABLE for each in ids(cells[0])}

    assert {f"{letter}{number}" for letter, numbers in WANTED.items() for number in numbers} == listed


def test_each_row_names_code_tests_and_saboteurs_unless_there_is_nothing_to_guard():
    for threat, done, *proofs in TABLE:
        if ids(threat) and IS_ABSENT.match(done):
            assert proofs == ["–"] * 3, threat
        else:
            assert all(words_in_code(cell) for cell in proofs), threat


def test_the_code_that_is_named_exists():
    named = {word for cells in TABLE for word in words_in_code(cells[2])}

    assert not [path for path in named if not (ROOT / path).is_file()]


def test_the_tests_that_are_named_exist():
    named = {word for cells in TABLE for word in words_in_code(cells[3]) if word.endswith(".py")}

    assert len(named) > 40
    assert not [path for path in named if not (ROOT / "tests" / path).is_file()]
    for cells in TABLE:
        assert "–" in cells[3] or any(word in named for word in words_in_code(cells[3])), cells[0]


def test_the_saboteurs_that_are_named_exist_and_no_other():
    """Each of a threat is named in a row of the table, by a pattern if there are many of one kind."""
    table = tomllib.loads((ROOT / "tests" / "saboteurs.toml").read_text("utf-8"))["saboteur"]
    names = {row["name"] for row in table}
    patterns = {word for cells in TABLE for word in words_in_code(cells[4])}

    assert not [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in names)]
    of_threats = {row["name"] for row in table if re.match(r"[A-G]\d", row["threats"])}
    assert not [name for name in of_threats if not any(fnmatch(name, pattern) for pattern in patterns)]


def test_the_tests_of_a_saboteur_exist():
    """Named wrongly, it could never be seen to fail."""
    table = tomllib.loads((ROOT / "tests" / "saboteurs.toml").read_text("utf-8"))["saboteur"]
    for row in table:
        for test in row["tests"]:
            path, *names = test.partition("[")[0].split("::")
            text = (ROOT / path).read_text(encoding="utf-8")
            assert all(re.search(rf"(def|class) {name}\b", text) for name in names), test


def test_each_saboteur_finds_the_guard_that_it_takes_away():
    """A guard that was rewritten takes its saboteur along, or nobody tries any more whether the tests would notice."""
    table = tomllib.loads((ROOT / "tests" / "saboteurs.toml").read_text("utf-8"))["saboteur"]
    stale = [
        (row["name"], edit["file"])
        for row in table
        for edit in row["edits"]
        if (ROOT / edit["file"]).read_text(encoding="utf-8").count(edit["old"]) != 1
    ]

    assert not stale
