"""F1: a gateway's URL reaches that gateway, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sidecar.delivery import outbound
from sidecar.delivery.outbound import AddressBlocked, Outbound, is_public
from sidecar.errors import DeliveryFailed
from tests.gateway import Gateway

#: Hosts as an operator, or somebody in his name, might write them; none may be connected to.
HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    # Other dots and digits, which IDNA makes plain ones of.
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "127\uff610\uff610\uff611",
    "\uff11\uff12\uff17.0.0.1",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "::127.0.0.1",
]
#: Whole URLs that look like one host's and may be another's.
URLS = [
    "https://{}/",
    "https://{}:443/messages",
    "https://{}#@gateway.example.org/",
    "https://{}?@gateway.example.org/",
    "https://{}/@gateway.example.org/",
]


def answers(*addresses: str) -> Any:
    """A resolver that says these, for every name."""

    def resolve(_host: str, port: int, **_: Any) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in addresses
        ]

    return resolve


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


def client(*, private_network: bool = False, resolve: Any = None, timeout_s: float = 3) -> Outbound:
    return Outbound(timeout_s=timeout_s, private_network=private_network, resolve=resolve)


def post(to: Outbound, url: str) -> Any:
    return to.post(url, body=b'{"recipient": "+1", "body": "x"}', headers={})


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_not_on_the_public_network_is_not_reached(host: str) -> None:
    """However it is written: the C library decides what a host is, and its answer is checked."""
    with pytest.raises(AddressBlocked):
        outbound.connect(host, 443, timeout_s=1, private_network=False)


@pytest.mark.parametrize("act", ["post", "reach"])
@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("host", HOSTS)
def test_no_way_to_write_a_url_leads_inside(host: str, url: str, act: str) -> None:
    """No connection is made: what is looked up is checked, and what can't be is refused."""
    through = client()
    written = url.format(f"[{host}]" if ":" in host else host)

    with pytest.raises(DeliveryFailed) as failed:
        post(through, written) if act == "post" else through.reach(written)

    assert failed.value.is_final or failed.value.reason in {
        "no answer: AddressBlocked",
        "no answer: gaierror",
    }


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_what_is_on_the_public_network_may_be_reached(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example.org/",
        "ftp://gateway.example.org/",
        "file:///etc/passwd",
        "gopher://gateway.example.org/",
        "https://user:secret@gateway.example.org/",
        "https://gateway.example.org@127.0.0.1/",
        "//gateway.example.org/",
        "",
    ],
)
def test_a_url_that_is_no_https_address_of_a_host_is_refused_before_a_name_is_looked_up(url: str) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        pytest.fail("a name was looked up")

    with pytest.raises(DeliveryFailed) as refused:
        post(client(resolve=resolve), url)
    assert refused.value.is_final


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(AddressBlocked):
        outbound.connect(
            "gateway.example.org",
            443,
            timeout_s=1,
            private_network=False,
            resolve=answers("8.8.8.8", "10.0.0.1"),
        )


def test_a_name_that_is_another_a_moment_later_leads_where_it_was_checked(gateway: Gateway) -> None:
    """DNS rebinding: what the second answer says is not asked for."""
    said = [answers("127.0.0.1"), answers("127.0.0.2")]

    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        return said.pop(0)(host, port, **options)  # type: ignore[no-any-return]

    made = outbound.connect(
        "gateway.example.org", gateway.port, timeout_s=3, private_network=True, resolve=resolve
    )
    with made:
        assert "127.0.0.1" == made.getpeername()[0]
    assert 1 == len(said)


def test_a_request_goes_to_the_checked_address_under_the_name_it_was_given(gateway: Gateway) -> None:
    url = f"http://gateway.example.org:{gateway.port}/messages"

    answer = post(client(private_network=True, resolve=answers("127.0.0.1")), url)

    assert 202 == answer.status
    assert f"gateway.example.org:{gateway.port}" == gateway.texts[0].headers["Host"]


def test_a_redirect_is_not_followed(gateway: Gateway) -> None:
    with Gateway() as elsewhere:
        gateway.status, gateway.headers = 307, {"Location": elsewhere.url}
        assert 307 == post(client(private_network=True), gateway.url).status
        assert [] == elsewhere.texts


def test_a_proxy_of_the_environment_is_not_asked(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert 202 == post(client(private_network=True), gateway.url).status


def test_an_endless_answer_is_read_up_to_a_limit(gateway: Gateway) -> None:
    gateway.answer = b"x" * (outbound.MAX_ANSWER_BYTES * 4)

    assert outbound.MAX_ANSWER_BYTES == len(post(client(private_network=True), gateway.url).body)


@pytest.mark.parametrize("fault", ["hangs", "drops"])
def test_no_answer_is_a_failure_that_another_try_can_mend(gateway: Gateway, fault: str) -> None:
    setattr(gateway, fault, True)

    with pytest.raises(DeliveryFailed) as failed:
        post(client(private_network=True, timeout_s=0.3), gateway.url)
    assert not failed.value.is_final


def test_an_answer_does_not_print_what_a_gateway_repeats() -> None:
    assert "123456" not in repr(outbound.Answer(status=200, body=b"123456 is your code"))
