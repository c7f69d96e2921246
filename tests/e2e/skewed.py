"""A token endpoint whose process has another clock: `python -m tests.e2e.skewed PORT FILE`.

FILE holds the offset in seconds, read at each look at the clock, so that one process serves a whole table of them.
The application is the real one, over the settings of the environment.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_real = time.time
_offset = Path(sys.argv[2])


def _shifted() -> float:
    return _real() + float(_offset.read_text())


if __name__ == "__main__":
    time.time = _shifted
    # Only now: whoever imports the function by name must get the shifted one.
    from werkzeug.serving import make_server

    from sidecar.app import begin, load_app

    app = load_app()
    begin(app)
    make_server("127.0.0.1", int(sys.argv[1]), app, threaded=True).serve_forever()
