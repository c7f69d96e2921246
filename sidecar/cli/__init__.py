"""The `passwordless` command, one file a topic.

Exit codes everywhere: 0 fine, 1 findings or changes pending, 2 could not run.
"""

from sidecar.cli.main import main

__all__ = ["main"]
