"""How tests are shared out over processes: without groups, each process starts a Keycloak of its own."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs them all")
def test_a_file_stays_in_one_process(request):
    assert request.node.nodeid.endswith("@" + str(request.path))
