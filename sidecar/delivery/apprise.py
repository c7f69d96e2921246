"""Text messages through the many gateways that Apprise knows (github.com/caronc/apprise), by a URL of its own kind.

Of Apprise only the plugin of the URL's schema is loaded, and schemas are let in by name: `settings.APPRISE_SCHEMAS`.
All of those speak HTTP by `requests`, in whose place they get a stand-in here that goes through `delivery.outbound`:
their connections are checked, end in time, follow no redirect and take no proxy, whatever the URL says of it. What a
gateway answered is seen there too, for a plugin itself says no more than yes or no.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import quote

import requests

from sidecar.delivery.outbound import Outbound, Resolve
from sidecar.delivery.ports import Rendered
from sidecar.delivery.rehearsal import Pace
from sidecar.errors import DeliveryFailed, RecipientRefused, SettingsError
from sidecar.settings import APPRISE_RECIPIENT, APPRISE_SCHEMAS, AppriseProvider

_TAKEN = range(200, 300)
#: What a gateway of the operator's own says of the recipient, as a webhook does.
_UNREACHABLE = frozenset({404, 410, 422})
_OF_ONES_OWN = frozenset({"custom_json", "custom_form", "custom_xml"})
#: Nobody's number (Twilio's, for tests): a plugin is made for it once, at start.
_A_NUMBER = "+15005550006"


@dataclass
class _Call:
    """One hand-over, as the stand-in for `requests` sees it."""

    outbound: Outbound
    until: float
    is_rehearsed: bool
    #: For gateways of the operator's own, which may know it; empty: none.
    idempotency_key: str = ""
    statuses: list[int] = field(default_factory=list)
    failure: DeliveryFailed | None = None


_call: ContextVar[_Call] = ContextVar("apprise_call")


class Apprise:
    """Sends one text at a time; `delivery.ports.Provider`."""

    def __init__(
        self,
        settings: AppriseProvider,
        *,
        resolve: Resolve | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.id = settings.id
        self.timeout_s = settings.timeout_s
        self._url = settings.url
        module = APPRISE_SCHEMAS[settings.schema]
        self._is_ones_own = module in _OF_ONES_OWN
        self._plugin = _plugin_of(settings, module)
        self._outbound = Outbound(
            timeout_s=settings.timeout_s, private_network=settings.private_network, resolve=resolve
        )
        self._pace = Pace(sleep)
        self._try_out()

    def send(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> str:  # noqa: ARG002
        with self._pace.measured():
            self._carry(message_id, destination, content, is_rehearsed=False)
        # Apprise does not say what the gateway calls it.
        return ""

    def rehearse(self, *, message_id: str, destination: str, content: Rendered, locale: str) -> None:  # noqa: ARG002
        self._carry(message_id, destination, content, is_rehearsed=True)
        self._pace.keep()

    def close(self) -> None:
        self._outbound.close()

    def _carry(self, message_id: str, destination: str, content: Rendered, *, is_rehearsed: bool) -> None:
        call = _Call(
            outbound=self._outbound,
            until=time.monotonic() + self.timeout_s,
            is_rehearsed=is_rehearsed,
            idempotency_key=message_id if self._is_ones_own else "",
        )
        plugin = self._made_for(destination)
        if plugin is None:
            # Apprise takes numbers of ten to fourteen digits, and drops others: another provider may carry them.
            raise RecipientRefused("not a number that it takes", is_final=False)
        with _in_force(call):
            try:
                is_taken = plugin.send(body=content.text, title="", notify_type=_info())
            except _Rehearsed:
                return
            except Exception as err:
                # A plugin that stumbles over an answer says nothing of the message.
                raise call.failure or DeliveryFailed(
                    f"answered what was not understood: {type(err).__name__}", is_about_recipient=True
                ) from err
        if call.failure:
            raise call.failure
        if not is_taken:
            raise self._refusal(call.statuses)

    def _refusal(self, statuses: list[int]) -> DeliveryFailed:
        if not statuses:
            return RecipientRefused("it sent nothing", is_final=False)
        status = statuses[-1]
        if self._is_ones_own and status in _UNREACHABLE:
            return RecipientRefused(f"recipient refused with {status}", is_final=True)
        # A gateway's 4xx may be about the account or the number, and a 2xx may hold a no: another provider may take it.
        # A rehearsal meets none of them, so a stranger is not told.
        reason = "refused the message in its answer" if status in _TAKEN else f"answered {status}"
        return DeliveryFailed(reason, is_about_recipient=True)

    def _made_for(self, destination: str) -> Any:
        """The plugin, about to send to this number and to no other; `None` if it would not."""
        # The whole number, plus included; each plugin takes off what its gateway does not want.
        url = self._url.reveal().replace(APPRISE_RECIPIENT, quote(destination, safe=""))
        found = self._plugin.parse_url(url)
        if not found:
            return None
        plugin = self._plugin(**found, asset=_asset())
        targets = [] if self._is_ones_own else [*plugin.targets, *getattr(plugin, "groups", ())]
        is_for_it = self._is_ones_own or [_digits(it) for it in targets] == [_digits(destination)]
        return plugin if is_for_it else None

    def _try_out(self) -> None:
        """Make it once, so that a URL that is none for one recipient stops the start. Nothing is sent."""
        key = f"providers.{self.id}.url"
        try:
            plugin = self._made_for(_A_NUMBER)
        except Exception:  # noqa: BLE001  # whatever a plugin raises; its text may hold the secrets of the URL
            plugin = None
        if plugin is None:
            raise SettingsError(
                f"{key}: Apprise does not take it as one for exactly the number at {APPRISE_RECIPIENT}:"
                f" see {self._plugin.setup_url}"
            )


def _plugin_of(settings: AppriseProvider, module: str) -> Any:
    """The plugin's class, with our stand-in where it has `requests`."""
    try:
        loaded: Any = import_module(f"apprise.plugins.{module}")
    except ImportError as err:
        raise SettingsError(
            f"providers.{settings.id} is of type apprise, but apprise is not installed:"
            " pip install 'keycloak-passwordless[apprise]'"
        ) from err
    # It writes of hosts, bodies and answers.
    logging.getLogger("apprise").disabled = True
    loaded.requests = _requests
    return next(
        it
        for it in vars(loaded).values()
        if isinstance(it, type) and it.__module__ == loaded.__name__ and settings.schema in _schemas_of(it)
    )


def _schemas_of(plugin: Any) -> set[str]:
    found = (getattr(plugin, "protocol", None), getattr(plugin, "secure_protocol", None))
    return {name for it in found if it for name in ((it,) if isinstance(it, str) else it)}


def _asset() -> Any:
    return import_module("apprise").AppriseAsset(async_mode=False, plugin_paths=[])


def _info() -> Any:
    return import_module("apprise").NotifyType.INFO


def _digits(target: object) -> str:
    return re.sub(r"\D", "", str(target))


class _Rehearsed(BaseException):
    """Ends a rehearsal where a message would go out: no plugin catches it."""


class _Requests:
    """What a plugin has in the place of the module `requests`; outside of a hand-over it reaches nothing."""

    codes = requests.codes
    RequestException = requests.RequestException
    exceptions = requests.exceptions

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, data: Any = None, **options: Any) -> requests.Response:
        return self.request("POST", url, data=data, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        headers: Any = None,
        auth: Any = None,
        files: Any = None,
        timeout: Any = None,  # noqa: ARG002  # ours is in force, here and below
        verify: Any = None,  # noqa: ARG002
        allow_redirects: Any = None,  # noqa: ARG002
    ) -> requests.Response:
        call = _call.get()
        request = requests.Request(
            method,
            url,
            params=params,
            data=data,
            json=json,
            headers=dict(headers or {}),
            auth=auth,
            files=files,
        ).prepare()
        if call.idempotency_key:
            request.headers["Idempotency-Key"] = call.idempotency_key
        try:
            if call.is_rehearsed:
                call.outbound.reach(request.url or "")
                raise _Rehearsed
            answer = call.outbound.exchange(request, timeout_s=call.until - time.monotonic())
        except DeliveryFailed as failure:
            call.failure = failure
            raise requests.ConnectionError from None
        call.statuses.append(answer.status)
        response = requests.Response()
        response.status_code, response.request, response.url = answer.status, request, request.url or ""
        response._content = answer.body  # noqa: SLF001  # as requests' own adapters' tests do
        return response


_requests = _Requests()


@contextmanager
def _in_force(call: _Call) -> Iterator[None]:
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)
