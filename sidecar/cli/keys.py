"""`passwordless keys`: the realms' signing keys, and the server secrets that wrap them and derive the codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from sidecar import app as composition
from sidecar.app import Parts
from sidecar.cli.admin import admin_options, sign_in
from sidecar.cli.options import echo_json, json_option, settings_from
from sidecar.errors import KeycloakUnavailable, KeyRefused
from sidecar.model.signing import CACHE_S, LEAST_OVERLAP_S, OVERLAP_S, StoredKey
from sidecar.oidc.rotation import Rotation
from sidecar.oidc.wrapping import Wrapping
from sidecar.store.key_shelf import SqlKeyShelf
from sidecar.store.voiding import SecretUse, uses_of_secrets, void_made_under

realm_option = click.option("--realm", "only_realm", help="This realm only; else all of the settings.")


@click.group()
def keys() -> None:
    """Signing keys and server secrets."""


@dataclass(frozen=True)
class _Desk:
    """What each of these commands works on."""

    parts: Parts
    rotation: Rotation
    realms: tuple[str, ...]


@contextmanager
def _desk(ctx: click.Context, only_realm: str | None) -> Iterator[_Desk]:
    parts = composition.Parts.build(settings_from(ctx))
    try:
        realms = tuple(parts.settings.realms)
        if only_realm and only_realm not in realms:
            raise KeyRefused(
                f"the settings have no realm {only_realm}: they have {', '.join(sorted(realms))}"
            )
        rotation = Rotation(SqlKeyShelf(parts.database), Wrapping(parts.keys))
        yield _Desk(parts, rotation, (only_realm,) if only_realm else realms)
    finally:
        parts.database.dispose()


@keys.command(name="list")
@realm_option
@json_option
@click.pass_context
def list_keys(ctx: click.Context, *, only_realm: str | None, as_json: bool) -> None:
    """Show the server secrets with what hangs on each, and the keys that each realm publishes.

    A secret is named by its id, which tells nothing about it. One that is not on the list any more and still has
    something is shown too: what hangs on it is lost.
    """
    with _desk(ctx, only_realm) as desk:
        secrets = _secrets(desk.parts)
        published = {realm: desk.rotation.keys(realm) for realm in desk.realms}
    if as_json:
        echo_json(
            {
                "secrets": secrets,
                "realms": {realm: [_key(it) for it in found] for realm, found in published.items()},
            }
        )
        return
    click.echo("Server secrets, newest first:")
    for it in secrets:
        click.echo(
            f"  {it['id']}  {it['state']:<11}  {it['live_challenges']} live challenges,"
            f" {it['signing_keys']} signing keys"
        )
    for realm, found in published.items():
        click.echo(f"Signing keys of {realm}, newest first:")
        for key in found:
            click.echo(f"  {key.kid}  {key.state:<7}  signs from {_time(key)}, under {key.key_id}")


@keys.command()
@realm_option
@click.option(
    "--after",
    "after_s",
    type=click.IntRange(min=LEAST_OVERLAP_S),
    default=OVERLAP_S,
    show_default=True,
    help="Seconds until the new key signs: longer than anybody keeps the published keys.",
)
@json_option
@click.pass_context
def rotate(ctx: click.Context, *, only_realm: str | None, after_s: int, as_json: bool) -> None:
    """Publish a new signing key for each realm; it signs by itself after a while.

    Until then it is `next`, and the one that signs stays. Then that one is `retired`: still published for ten
    minutes, for tokens under way. Nothing is restarted and no login fails.
    """
    with _desk(ctx, only_realm) as desk:
        added = {realm: desk.rotation.rotate(realm, after_s=after_s) for realm in desk.realms}
    if as_json:
        echo_json({"realms": {realm: _key(key) for realm, key in added.items()}})
    for realm, key in {} if as_json else added.items():
        click.echo(f"{realm}: {key.kid} is published, and signs from {_time(key)} on.")


@keys.command()
@realm_option
@json_option
@click.pass_context
def rewrap(ctx: click.Context, *, only_realm: str | None, as_json: bool) -> None:
    """Wrap the signing keys under the newest server secret, so that older ones can go.

    The keys themselves stay as they are, and nobody notices.
    """
    with _desk(ctx, only_realm) as desk:
        rewrapped = {realm: desk.rotation.rewrap(realm) for realm in desk.realms}
        newest = desk.parts.keys.newest_id
    if as_json:
        echo_json({"secret": newest, "realms": rewrapped})
    else:
        click.echo(f"{sum(map(len, rewrapped.values()))} signing keys are wrapped anew, under {newest}.")


@keys.command()
@click.argument("kid", required=False)
@click.option("--secret", "secret_id", help="Revoke what was made under this server secret, by its id.")
@realm_option
@click.option("--no-keycloak", is_flag=True, help="Don't make Keycloak forget the keys it has read.")
@admin_options
@json_option
@click.pass_context
def revoke(
    ctx: click.Context,
    /,
    kid: str | None,
    *,
    secret_id: str | None,
    only_realm: str | None,
    no_keycloak: bool,
    as_json: bool,
    **admin: Any,
) -> None:
    """Take a leaked signing key KID, or all that a leaked server secret made, out of use at once.

    KID is deleted; if it was the one that signs, a fresh one signs from now on. Then Keycloak is told to forget the
    keys that it has read, which needs an admin: it may keep them for a day otherwise.

    With --secret, the live challenges made under that secret and all authorization codes are void, and the signing
    keys wrapped under it are replaced. Put a new secret first in server.secret_keys and restart before; take the leaked
    one off and restart after.
    """
    if bool(kid) == bool(secret_id):
        raise click.UsageError("name a KID, or --secret ID; `passwordless keys list` shows both")
    with _desk(ctx, only_realm) as desk:
        done = _revoke_secret(desk, secret_id) if secret_id else _revoke_key(desk, str(kid))
        told = [] if no_keycloak else _tell_keycloak(desk, list(done["revoked"]), admin)
    if as_json:
        echo_json({**done, "keycloak_forgot": told})
        return
    for realm, kids in done["revoked"].items():
        for it in kids:
            click.echo(f"{realm}: {it} is revoked. No process publishes or uses it after {CACHE_S} s.")
    for table, count in done["voided"].items():
        click.echo(f"{table}: {count} are void.")
    for realm in told:
        click.echo(f"Keycloak forgot the keys of realm {realm} that it had read.")
    if secret_id:
        click.echo(f"Now take {secret_id} off server.secret_keys, and restart all processes.")


def _revoke_key(desk: _Desk, kid: str) -> dict[str, Any]:
    realms = [it for it in desk.realms if kid in {key.kid for key in desk.rotation.keys(it)}]
    if not realms:
        raise KeyRefused(f"no realm publishes a key {kid}: `passwordless keys list` shows those there are")
    for realm in realms:
        desk.rotation.revoke(realm, kid)
    return {"revoked": {realm: [kid] for realm in realms}, "voided": {}}


def _revoke_secret(desk: _Desk, secret_id: str) -> dict[str, Any]:
    ring = desk.parts.keys
    if secret_id == ring.newest_id:
        raise KeyRefused(
            f"{secret_id} is the newest server secret, which makes everything new: put a fresh one"
            " (`passwordless config secret`) before it in server.secret_keys, restart all processes, and run this again"
        )
    if secret_id not in {*ring.ids, *uses_of_secrets(desk.parts.database)}:
        raise KeyRefused(
            f"there is no server secret {secret_id}: `passwordless keys list` shows those there are"
        )
    voided = void_made_under(desk.parts.database, secret_id)
    revoked = {realm: desk.rotation.revoke_wrapped_under(realm, secret_id) for realm in desk.realms}
    return {"revoked": {realm: kids for realm, kids in revoked.items() if kids}, "voided": voided}


def _tell_keycloak(desk: _Desk, realms: list[str], admin: dict[str, Any]) -> list[str]:
    """Make Keycloak forget the keys it has read: it asks for them again at the next login."""
    try:
        keycloak = sign_in(desk.parts.settings, **admin) if realms else None
        for realm in realms:
            keycloak and keycloak.post("realms", realm, "clear-keys-cache", body={})
    except KeycloakUnavailable as err:
        raise KeycloakUnavailable(
            "the revocation is done here, but Keycloak keeps what it has read until it is told to forget it"
            f" (Realm settings, or POST /admin/realms/{realms[0]}/clear-keys-cache): {err}"
        ) from err
    return realms


def _secrets(parts: Parts) -> list[dict[str, Any]]:
    uses = uses_of_secrets(parts.database)
    ids = [*parts.keys.ids, *sorted(set(uses) - set(parts.keys.ids))]
    return [
        {
            "id": it,
            "state": _secret_state(parts, it),
            "live_challenges": uses.get(it, SecretUse()).live_challenges,
            "signing_keys": uses.get(it, SecretUse()).signing_keys,
        }
        for it in ids
    ]


def _secret_state(parts: Parts, key_id: str) -> str:
    if key_id == parts.keys.newest_id:
        return "makes"
    return "accepts" if key_id in parts.keys.ids else "not listed"


def _key(key: StoredKey) -> dict[str, str]:
    return {"kid": key.kid, "state": key.state.value, "signs_from": _time(key), "secret": key.key_id}


def _time(key: StoredKey) -> str:
    return datetime.fromtimestamp(key.signs_from / 1000, UTC).isoformat(timespec="seconds")
