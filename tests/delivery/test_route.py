"""Which provider gets a message, and what is said where none takes it. The clock is the test's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sidecar.delivery.breaker import FAILURES, PAUSE_S
from sidecar.delivery.route import Route, Taken
from sidecar.errors import DeliveryFailed, RecipientRefused

AWAY = DeliveryFailed("not reachable")
BROKEN = DeliveryFailed("broke off", is_about_recipient=True)
BOUNCED = RecipientRefused("no such user", is_final=True)
GREYLISTED = RecipientRefused("later", is_final=False)
WRONG = DeliveryFailed("account closed", is_final=True)


@dataclass
class Post:
    """A provider that does what it is told, and takes its time."""

    id: str
    failure: DeliveryFailed | None = None
    takes_s: float = 0.0
    timeout_s: int = 10
    asked: int = 0


@dataclass
class Town:
    at: float = 1000.0
    noted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.route = Route(lambda: self.at)

    def carry(self, *posts: Post, is_rehearsed: bool = False, within_s: float = 30.0) -> Taken:
        def hand_over(post: Any) -> str:
            post.asked += 1
            self.at += post.takes_s
            if post.failure:
                raise post.failure
            return f"{post.id}-1"

        providers: Any = posts
        return self.route.carry(
            providers,
            hand_over,
            until=self.at + within_s,
            note=lambda name, failure: self.noted.append(f"{name}: {failure.reason}"),
            is_rehearsed=is_rehearsed,
        )

    def fails(self, *posts: Post, **how: Any) -> DeliveryFailed:
        with pytest.raises(DeliveryFailed) as failed:
            self.carry(*posts, **how)
        return failed.value


@pytest.fixture
def town() -> Town:
    return Town()


def test_the_first_takes_it_and_no_other_is_asked(town):
    first, second = Post("first"), Post("second")

    assert Taken("first", "first-1") == town.carry(first, second)

    assert (1, 0, []) == (first.asked, second.asked, town.noted)


@pytest.mark.parametrize("failure", [AWAY, BROKEN, GREYLISTED, WRONG], ids=lambda it: it.reason)
def test_the_next_takes_what_one_did_not(town, failure):
    assert Taken("second", "second-1") == town.carry(Post("first", failure), Post("second"))

    assert [f"first: {failure.reason}"] == town.noted


def test_a_recipient_that_is_refused_for_good_is_offered_to_no_other(town):
    second = Post("second")

    failed = town.fails(Post("first", BOUNCED), second)

    assert (True, True, 0) == (failed.is_final, failed.is_about_recipient, second.asked)


@pytest.mark.parametrize(
    ("failures", "is_final", "is_about_recipient"),
    [
        ((AWAY, AWAY), False, False),
        ((WRONG, WRONG), True, False),
        ((WRONG, AWAY), False, False),
        ((BROKEN, AWAY), False, True),
        ((AWAY, BROKEN), False, True),
        ((AWAY, BOUNCED), True, True),
        ((GREYLISTED, WRONG), False, True),
    ],
)
def test_what_nobody_took_is_final_if_it_is_with_each_and_about_the_recipient_if_it_is_with_one(
    town, failures, is_final, is_about_recipient
):
    """D1: where one spoke of the recipient, a rehearsal would have ended well: an outage after it is not told."""
    failed = town.fails(*(Post(f"p{number}", failure) for number, failure in enumerate(failures)))

    assert (is_final, is_about_recipient) == (failed.is_final, failed.is_about_recipient)
    assert all(failure.reason in failed.reason for failure in failures)


def test_no_hand_over_begins_that_could_outlive_the_claim(town):
    """Else another worker sends the same message meanwhile."""
    slow, second = Post("slow", AWAY, takes_s=21), Post("second", timeout_s=10)

    failed = town.fails(slow, second)

    assert (0, False) == (second.asked, failed.is_final)
    assert "no time was left" in failed.reason
    town.carry(Post("quick", AWAY, takes_s=19), second)
    assert 1 == second.asked


def wear_out(town: Town, post: Post) -> None:
    failure, post.failure = post.failure, AWAY
    for _ in range(FAILURES):
        town.carry(post, Post("spare"))
    post.failure = failure


def test_who_failed_too_often_is_left_alone_for_a_while_and_then_asked_again(town):
    first, second = Post("first"), Post("second")
    wear_out(town, first)
    asked = first.asked

    assert "second" == town.carry(first, second).provider
    assert asked == first.asked
    town.at += PAUSE_S
    assert "first" == town.carry(first, second).provider
    assert "first" == town.carry(first, second).provider


def test_who_fails_again_after_the_pause_is_left_alone_again(town):
    first, second = Post("first", AWAY), Post("second")
    wear_out(town, first)
    town.at += PAUSE_S
    town.carry(first, second)
    asked = first.asked

    town.carry(first, second)

    assert asked == first.asked


@pytest.mark.parametrize("failure", [BOUNCED, GREYLISTED], ids=["for good", "for now"])
def test_refused_recipients_open_no_breaker(town, failure):
    """Else whoever makes up addresses would turn a provider off for all."""
    first = Post("first", failure)
    for _ in range(3 * FAILURES):
        with contextlib.suppress(DeliveryFailed):
            town.carry(first, Post("second"))

    first.failure = None
    assert "first" == town.carry(first, Post("second")).provider


def test_where_all_are_left_alone_the_one_that_has_been_longest_is_asked(town):
    first, second = Post("first", AWAY), Post("second", AWAY)
    wear_out(town, second)
    town.at += 1
    wear_out(town, first)
    first.asked = second.asked = 0
    second.failure = None

    assert "second" == town.carry(first, second).provider
    assert 0 == first.asked


def test_a_rehearsal_closes_no_breaker(town):
    """It is only a hello: a provider that loses each message that it is really given says it too."""
    first, second = Post("first"), Post("second")
    wear_out(town, first)
    town.at += PAUSE_S
    town.carry(first, second, is_rehearsed=True)
    first.failure = BROKEN

    town.carry(first, second)

    asked = first.asked
    town.carry(first, second)
    assert asked == first.asked


def test_a_rehearsal_fails_over_as_a_message_does(town):
    """D1: the same word at the same time."""
    acts: list[Callable[[], Any]] = [
        lambda rehearsed=rehearsed: (
            town.carry(Post("a", AWAY, takes_s=2), Post("b"), is_rehearsed=rehearsed).provider
        )
        for rehearsed in (False, True)
    ]

    assert ["b", "b"] == [act() for act in acts]
