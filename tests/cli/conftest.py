"""The command as operators run it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sidecar.cli import main


@pytest.fixture
def run(tmp_path, parts):
    """Runs the command with the settings that the test's `parts` were built of."""
    return lambda *arguments: CliRunner().invoke(
        main, ["--settings", str(tmp_path / "mine.toml"), *arguments]
    )
