"""Who waits aside keeps nobody from a turn, and comes back to one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from sidecar.edge.turns import Turns


@pytest.mark.parametrize(
    ("working", "walking", "threads"), [(8, 6, 40), (32, 30, 64), (3, 1, 35), (2, 1, 35), (1, 1, 35)]
)
def test_some_are_kept_for_the_back_channel_however_few_there_are(working, walking, threads):
    turns = Turns(working=working, waiting=32)

    assert (walking, threads) == (turns.walking, turns.threads)


def test_as_many_are_worked_on_as_there_are_turns_and_those_aside_do_not_count():
    """Four turns: three requests wait aside, and four more are worked on meanwhile, a fifth not."""
    turns = Turns(working=4, waiting=3)
    inside, all_aside, end = threading.Semaphore(0), threading.Semaphore(0), threading.Event()

    @Request.application
    def application(request):
        if request.path == "/aside":
            with turns.aside():
                all_aside.release()
                end.wait(20)
        inside.release()
        end.wait(20)
        return Response("done")

    def ask(path):
        return Client(turns.around(application)).get(path).text

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask, "/aside") for _ in range(3)]
        assert all(all_aside.acquire(timeout=10) for _ in range(3))
        working = [pool.submit(ask, "/") for _ in range(5)]
        assert all(inside.acquire(timeout=10) for _ in range(4))
        assert not inside.acquire(timeout=0.2)
        end.set()
        assert {"done"} == {each.result(timeout=10) for each in (*waiting, *working)}


def test_a_turn_is_given_back_after_an_error():
    turns = Turns(working=1, waiting=0)

    @Request.application
    def application(_request):
        raise RuntimeError("a fault")

    client = Client(turns.around(application))
    for _ in range(turns.threads + 1):
        with pytest.raises(RuntimeError):
            client.get("/")
