"""Two PostgreSQL clusters: what a promoted standby has forgotten, and what the fence makes of it (threats G3, G4)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from sidecar import store
from sidecar.app import Parts
from sidecar.cli import main
from sidecar.errors import ChallengeRefused, StoreUnavailable
from sidecar.login.redeem import redeem
from sidecar.login.verify import verify
from sidecar.store.tables import auth_codes
from tests.clusters import Cluster, cluster
from tests.conftest import SECRET_KEY, SETTINGS
from tests.flow import caller, right_code, start
from tests.ledger import rows
from tests.stack import wait_until

pytestmark = pytest.mark.faults


@pytest.fixture
def primary() -> Iterator[Cluster]:
    with cluster() as made:
        store.migrate(made.url)
        yield made


def try_code(parts: Parts, challenge, name: str):
    return verify(
        parts.room(),
        challenge=challenge,
        unverified_code=right_code(parts, challenge),
        caller=caller(name),
    )


def spend(parts: Parts, auth_code: str):
    return redeem(parts.room(), realm="acme", connection="email", unverified_auth_code=auth_code)


def test_the_fence_voids_what_a_promoted_standby_has_forgotten_was_spent(primary, settings_for, tmp_path):
    """G3: without it the standby takes a spent code and a spent authorization code again, with it neither."""
    standby = primary.standby(primary.folder.with_name("standby"))
    before = Parts.build(settings_for(primary.url))
    people = ["ada", "grace"]
    challenges = {name: start(before, f"{name}@example.org", by=caller(name)) for name in people}
    others = {name: start(before, f"{name}2@example.org", by=caller(f"{name}2")) for name in people}
    bought = {name: try_code(before, others[name], f"{name}2").raw_auth_code for name in people}
    primary.wait_for_standby()
    standby.cut_off(primary)
    for name in people:
        assert try_code(before, challenges[name], name)
        assert spend(before, bought[name])
    before.database.dispose()
    primary.kill()
    standby.promote()

    after = Parts.build(settings_for(standby.url))
    assert try_code(after, challenges["ada"], "ada"), (
        "no double spend without the fence: this test shows nothing"
    )
    assert spend(after, bought["ada"])

    path = tmp_path / "after.toml"
    path.write_text(SETTINGS % (SECRET_KEY, standby.url), encoding="utf-8")
    fenced = CliRunner().invoke(main, ["--settings", str(path), "db", "fence"])

    assert fenced.exit_code == 0, fenced.output
    with pytest.raises(ChallengeRefused):
        try_code(after, challenges["grace"], "grace")
    assert spend(after, bought["grace"]) is None
    fresh = start(after, "new@example.org", by=caller("new"))
    assert spend(after, try_code(after, fresh, "new").raw_auth_code)
    after.database.dispose()


def test_a_commit_whose_standby_did_not_confirm_grants_nothing(primary, settings_for):
    """G4: a cancelled wait lets the commit return as if all were well, with a warning; that is refused."""
    parts = Parts.build(settings_for(primary.url))
    challenge = start(parts)
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    primary.execute("SELECT pg_reload_conf()")
    outcome: list[object] = []

    def type_code() -> None:
        try:
            outcome.append(try_code(parts, challenge, "ada"))
        except StoreUnavailable as refused:
            outcome.append(refused)

    person = threading.Thread(target=type_code)
    person.start()
    waiting = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
    )
    (pid,) = wait_until(lambda: primary.execute(waiting), "a commit that waits for the standby")[0]
    # The admin's own connection must not wait for the standby too.
    primary.execute(f"SELECT pg_cancel_backend({pid})")
    person.join(20)

    assert isinstance(outcome[0], StoreUnavailable)
    assert "may not be kept" in str(outcome[0])
    assert [] == rows(parts, auth_codes)
    parts.database.dispose()
