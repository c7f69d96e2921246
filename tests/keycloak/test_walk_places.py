"""A place among the logins that are walked: so many at once, so many that wait, and the next is sent away."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from sidecar.errors import TooBusy
from sidecar.keycloak import walk
from sidecar.keycloak.walk import HeadlessLogin


class Aside:
    """Counts who is aside."""

    def __init__(self):
        self.entered, self.now = threading.Semaphore(0), 0

    @contextmanager
    def __call__(self):
        self.now += 1
        self.entered.release()
        try:
            yield
        finally:
            self.now -= 1


@pytest.fixture
def aside():
    return Aside()


def test_who_finds_no_place_waits_aside_and_the_next_is_sent_away(settings_for, aside):
    login = HeadlessLogin(settings_for("sqlite:///unused.db"), walking=2, waiting=1, aside=aside)
    leave = [login.admit(), login.admit()]
    assert 0 == aside.now
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(login.admit)
        assert aside.entered.acquire(timeout=10)
        with pytest.raises(TooBusy):
            login.admit()
        leave[0]()
        leave.append(waiting.result(timeout=10))
    assert 0 == aside.now
    for each in leave[1:]:
        each()
    assert login.admit()


def test_who_waited_too_long_is_sent_away_and_its_seat_is_free(settings_for, aside, monkeypatch):
    monkeypatch.setattr(walk, "_MOST_WAIT_S", 0.01)
    login = HeadlessLogin(settings_for("sqlite:///unused.db"), walking=1, waiting=1, aside=aside)
    leave = login.admit()
    for _ in range(3):
        with pytest.raises(TooBusy):
            login.admit()
    assert 3 == sum(aside.entered.acquire(blocking=False) for _ in range(4))
    leave()
    assert login.admit()
