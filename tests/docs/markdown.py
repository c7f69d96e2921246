"""The parts of a Markdown file that tests hold to the code: tables, fenced blocks, links, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_GENERATED = {".venv", ".git", "node_modules", "test-artifacts", ".demo", "build", "dist"}


def pages() -> list[Path]:
    """Every Markdown file of the repository."""
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part in _GENERATED or part.startswith(".") for part in path.relative_to(ROOT).parts[:-1])
    )


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [found["text"] for found in _FENCE.finditer(text) if found["language"] == language]


def links(text: str) -> list[str]:
    """Targets of links and images, those in code left out."""
    return [found["target"] for found in _LINK.finditer(_CODE.sub("", without_blocks(text)))]


def anchors(text: str) -> set[str]:
    """The names that headings can be linked by, as GitHub makes them."""
    headings = [found["text"].strip().lower() for found in _HEADING.finditer(without_blocks(text))]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def sections(text: str) -> dict[str, str]:
    """The text below each second-level heading, blocks included; a `##` within a block is no heading."""
    found: dict[str, str] = {}
    heading, is_code = "", False
    for line in text.splitlines(keepends=True):
        is_code ^= line.startswith("```")
        if line.startswith("## ") and not is_code:
            heading = line.removeprefix("## ").strip().strip("`")
            found[heading] = ""
        elif heading:
            found[heading] += line
    return found


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each table row but headers and rulers."""
    previous: list[str] | None = None
    for line in [*without_blocks(text).splitlines(), ""]:
        if not line.startswith("|"):
            previous = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if previous is None:
            previous = cells  # the header
        elif not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            yield cells


def words_in_code(text: str) -> set[str]:
    """What stands between backticks, each as a whole."""
    return {code.strip("`") for code in _CODE.findall(without_blocks(text))}


def first_cells(text: str) -> set[str]:
    """The names in the first column of all tables: several may share a row."""
    return {word for cells in rows(text) for word in words_in_code(cells[0])}
