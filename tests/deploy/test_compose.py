"""`docker-compose.yml`, `Dockerfile` and what they mount, as far as they can be judged without running them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests import compose
from tests.compose import ROOT, RequiredVariableError

GIVEN = {
    "PUBLIC_HOST": "login.example.org",
    "TLS_FOLDER": "./tls",
    "POSTGRES_PASSWORD": "one",
    "KEYCLOAK_DB_PASSWORD": "two",
    "KEYCLOAK_ADMIN_PASSWORD": "three",
    "PASSWORDLESS_DB_PASSWORD": "four",
    "PASSWORDLESS_SECRET_KEYS": '["five"]',
    "SMTP_HOST": "smtp.example.org",
    "SMTP_SENDER": "Acme <login@example.org>",
}
SERVICES = compose.read(GIVEN)["services"]
LASTING = sorted(name for name, service in SERVICES.items() if service.get("restart") != "no")


def test_it_fits_the_compose_specification():
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        compose.COMPOSE,
    ]

    done = subprocess.run(check, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_missing_is_named_with_a_sentence(name):
    """No secret has a default: Compose refuses to start, and says what to give."""
    with pytest.raises(RequiredVariableError, match=rf"^{name}: .{{15,}}"):
        compose.read({**GIVEN, name: ""})


@pytest.mark.parametrize("name", SERVICES)
def test_no_value_of_a_secret_is_in_the_file(name):
    """What is called a password, key or secret comes from a variable without a default."""
    described = compose.raw()["services"][name].get("environment", {})
    for variable, value in described.items():
        if (
            re.search(r"PASSWORD$|SECRET|_KEYS?$", variable)
            and variable != "PASSWORDLESS__PROVIDERS__SMTP__PASSWORD"
        ):
            assert re.fullmatch(r"\$\{\w+(:\?[^}]+)?\}", value), variable


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_as_little_as_possible(name):
    service = SERVICES[name]

    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_of_one_version(name):
    image = SERVICES[name]["image"]
    if "build" in SERVICES[name]:
        image = compose.image_of(SERVICES[name]["build"]["target"])

    assert re.fullmatch(r"[^:@]+:v?\d+\.\d+[^:]*", image)


@pytest.mark.parametrize("name", LASTING)
def test_what_goes_on_running_says_whether_it_is_well(name):
    check = SERVICES[name]["healthcheck"]

    assert "CMD" == check["test"][0]
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", SERVICES)
def test_a_mounted_file_is_there(name):
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("./") and source != GIVEN["TLS_FOLDER"]:
            assert (ROOT / source).is_file(), source
            assert volume.endswith(":ro")


def test_an_image_is_built_by_one_service():
    """Two that build under one name get in each other's way."""
    built = [service["image"] for service in SERVICES.values() if "build" in service]

    assert len(built) == len(set(built)) == 2


@pytest.mark.parametrize(
    ("port", "origin"), [("", "https://login.example.org"), ("8443", "https://login.example.org:8443")]
)
def test_both_are_under_one_origin(port, origin):
    services = compose.read({**GIVEN, "PUBLIC_PORT": port})["services"]

    assert origin == services["keycloak"]["environment"]["KC_HOSTNAME"]
    for name in ("sidecar", "worker", "realm", "database-upgrade"):
        environment = services[name]["environment"]
        assert origin == environment["PASSWORDLESS__KEYCLOAK__URL"]
        assert f"{origin}/passwordless" == environment["PASSWORDLESS__SERVER__PUBLIC_URL"]
    assert f"{port or 443}:8443" in services["nginx"]["ports"]


def test_only_nginx_listens_to_the_world():
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "nginx" or port.startswith("127.0.0.1:"), (name, port)


@pytest.mark.parametrize("target", ["wheels", "keycloak"])
def test_what_an_image_is_made_of_is_there_and_not_ignored(target):
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    for line in compose.instructions(target, "COPY"):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.partition('/')[0]}" in let_through, source


def test_the_wheel_is_made_of_all_that_pyproject_names():
    import tomllib

    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", pyproject["project"]["readme"], *wheel["packages"], *wheel["force-include"]}

    copied = {word for line in compose.instructions("wheels", "COPY") for word in line.split()[:-1]}

    assert needed == copied


@pytest.mark.parametrize("target", ["sidecar", "keycloak"])
def test_an_image_is_not_roots(target):
    (user,) = compose.instructions(target, "USER")

    assert int(user.partition(":")[0]) > 0


def test_no_env_is_written_without_secrets(tmp_path):
    environment = {"PATH": str(tmp_path), "ENV_FILE": str(tmp_path / "env")}

    done = subprocess.run(
        ["/bin/sh", ROOT / "deploy/new-env", "login.example.org"],
        env=environment,
        check=False,
        capture_output=True,
    )

    assert 2 == done.returncode
    assert not (tmp_path / "env").exists()


def test_a_new_env_has_all_that_is_needed_and_no_secret_twice(tmp_path):
    file = tmp_path / "env"
    command = [ROOT / "deploy/new-env", "login.example.org"]
    environment = {"PATH": "/usr/bin:/bin", "ENV_FILE": str(file)}

    subprocess.run(command, env=environment, check=True, capture_output=True)

    lines = [line.partition("=") for line in file.read_text().splitlines() if "=" in line and line[0] != "#"]
    values = {name: value.strip("'") for name, _, value in lines}
    compose.read(values)
    made = [value for name, value in values.items() if re.search(r"PASSWORD|SECRET", name)]
    assert 5 == len(set(made))
    assert all(len(value) >= 64 for value in made)
    assert 0o600 == file.stat().st_mode & 0o777
    again = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert 1 == again.returncode
    assert "is there already" in again.stderr
