"""`auth0-server-python`, by its own examples. Calls in JSON, one a line; what came of each goes out the same way."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from auth0_server_python.auth_server.server_client import ServerClient
from auth0_server_python.auth_types import (
    StartPasswordlessEmailOptions,
    StartPasswordlessSmsOptions,
    VerifyPasswordlessOtpOptions,
)
from auth0_server_python.error import Auth0Error


class Kept:
    """A store that the SDK asks for, in memory."""

    def __init__(self) -> None:
        self._states: dict[str, Any] = {}

    async def set(self, identifier: str, state: Any, *_: Any, **__: Any) -> None:
        self._states[identifier] = state

    async def get(self, identifier: str, *_: Any, **__: Any) -> Any:
        return self._states.get(identifier)

    async def delete(self, identifier: str, *_: Any, **__: Any) -> None:
        self._states.pop(identifier, None)


CLIENT = ServerClient(
    domain=os.environ["DOMAIN"],
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    secret="only for this program's own sessions",
    transaction_store=Kept(),
    state_store=Kept(),
)


async def start(email: str = "", phone: str = "") -> Any:
    asked = (
        StartPasswordlessEmailOptions(email=email, send="code")
        if email
        else StartPasswordlessSmsOptions(phone_number=phone)
    )
    return (await CLIENT.passwordless.start(asked)).model_dump()


async def login(code: str, scope: str, email: str = "", phone: str = "") -> Any:
    whose = {"connection": "email", "email": email} if email else {"connection": "sms", "phone_number": phone}
    asked = VerifyPasswordlessOtpOptions(**whose, verification_code=code, scope=scope)
    state = (await CLIENT.passwordless.verify(asked))["state_data"]
    return {**state, "access_token": state["token_sets"][0]["access_token"], "claims": state["user"]}


async def refresh(token: str) -> Any:
    return await CLIENT.get_token_by_refresh_token({"refresh_token": token})


async def answered(line: str) -> dict[str, Any]:
    given = json.loads(line)
    call = {"start": start, "login": login, "refresh": refresh}[given.pop("call")]
    try:
        return {"answer": await call(**given)}
    except Auth0Error as err:
        return {"refused": {"type": type(err).__name__, "code": err.code, "says": str(err)}}


async def main() -> None:
    for line in sys.stdin:
        print(json.dumps(await answered(line), default=str), flush=True)


asyncio.run(main())
