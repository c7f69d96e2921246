"""The API against its own document: generated calls, right and wrong, one by one and in turn, under all checks."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.openapi.checks import RejectedPositiveData

from sidecar.app import create_app
from sidecar.store.tables import api_clients, metadata, signing_keys
from tests.users.realm import Realm, user
from tests.web.browser import PUBLIC_URL

#: What there is in this house: valid calls name it.
THERE = {
    "realm": {"enum": ["acme"]},
    "client_id": {"enum": ["shop"]},
    "connection": {"enum": ["email", "partner"]},
    "address": {"pattern": r"^[a-z]{3,12}@example\.org$"},
    "cursor": {"enum": [""]},
    "user": {"enum": ["id-ada", "id-eve"]},
    "into": {"enum": ["id-ada"]},
    "from": {"enum": ["id-eve"]},
    "code": {"pattern": r"^[0-9]{3}[ -]?[0-9]{3}$"},
}
CONFIG = settings(
    max_examples=8,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def environment():
    many = {"STARTS_PER_NETWORK_PER_HOUR": "1000000", "FAILURES_PER_NETWORK_PER_HOUR": "1000000"}
    limits = {f"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__{name}": value for name, value in many.items()}
    methods = {f"REALMS__ACME__CONNECTIONS__{name}__METHOD": "both" for name in ("EMAIL", "PARTNER")}
    return limits | methods | {"REALMS__ACME__ADMIN_API": "true"}


@pytest.fixture
def app(parts):
    people = Realm(people=[user(name) for name in ("ada", "eve")])
    return create_app(parts, profiles=lambda _: people)


@pytest.fixture
def answered():
    """Which operations answered what."""
    return set()


@pytest.fixture
def api_schema(app, browser, switched_on, answered, realms):
    document = filled_in(browser.get("/api/v1/openapi.json").json)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = at_public_url(app)
    schema.config.update(base_url=PUBLIC_URL)

    @schema.auth().apply_to(path_regex="/admin/")
    class Token:
        def get(self, _case, _ctx):
            return realms.access_token(roles=("manage",))

        def set(self, case, data, _ctx):
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

    # The client is a public one: whoever sends a secret with its name is refused for another reason.
    schema.config.generation.with_security_parameters = False

    @schema.hook
    def after_call(ctx, case, response):
        answered.add((case.operation.definition.raw["operationId"], response.status_code))

    @schema.hook
    def filter_failure(ctx, failure, case, response):
        """What has the right form may be wrong: a code, or a key that another start has."""
        is_wrong = any(
            title in response.content for title in (b'"code_refused"', b'"idempotency_key_reused"')
        )
        return not (isinstance(failure, RejectedPositiveData) and is_wrong)

    return schema


def at_public_url(app):
    """The application as under its own host name, which the tool calls otherwise."""

    def called(environ, start_response):
        return app(
            {**environ, "HTTP_HOST": urlsplit(PUBLIC_URL).netloc, "wsgi.url_scheme": "https"}, start_response
        )

    return called


def filled_in(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with the values of this house where it says no more than what form they have."""
    found = copy.deepcopy(document)
    for schema in found["components"]["schemas"].values():
        its = schema.get("properties", {})
        for name in its.keys() & THERE.keys():
            its[name] |= THERE[name]
        if "client_id" in its:
            schema["required"] = sorted({*schema.get("required", []), "client_id"})
    for item in found["paths"].values():
        for parameter in (*item.get("parameters", []), *item.get("get", {}).get("parameters", [])):
            if parameter["name"] in THERE:
                parameter["schema"] = {"type": "string", **THERE[parameter["name"]]}
                if parameter["name"] == "client_id":
                    parameter["required"] = True
                elif parameter["name"] == "address":
                    # A list that is narrowed to nothing is the whole list.
                    parameter["schema"]["pattern"] = rf"^({THERE['address']['pattern'].strip('^$')})?$"
    return found


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@CONFIG
def test_each_call_by_itself(case):
    case.call_and_validate()


def test_calls_as_links_lead(api_schema, answered, parts):
    class Machine(api_schema.as_state_machine()):
        def setup(self):
            """Each run finds the same house, or what it draws would depend on the ones before."""
            with parts.database.write() as connection:
                for table in reversed(metadata.sorted_tables):
                    if table not in (api_clients, signing_keys):
                        connection.execute(table.delete())

    Machine.run(settings=CONFIG)

    assert {
        ("startChallenge", 201),
        ("showChallenge", 200),
        ("resendChallenge", 429),
        ("verifyChallenge", 422),
    } <= answered
