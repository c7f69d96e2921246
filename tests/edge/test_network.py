"""Which network a request is from, and behind how many proxies (threats B5, D6)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.edge.network import address_of, network_of
from sidecar.model.events import Event
from tests.ledger import events_of
from tests.web.browser import Browser


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:0DB8:0000:0000:ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("unix:", "unknown"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("192.0.2.1:0", "192.0.2.1"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[::ffff:192.0.2.1]:443", "192.0.2.1"),
        ("192.0.2.1:65536", "unknown"),
        ("192.0.2.1:", "unknown"),
        ("192.0.2.1:x", "unknown"),
        ("192.0.2.1:1:1", "unknown"),
        ("192.0.2.1:\u0664", "unknown"),
        ("192.0.2.1:-1", "unknown"),
        ("[192.0.2.1]:80", "unknown"),
        ("[2001:db8::1]443", "unknown"),
        ("[2001:db8::1", "unknown"),
        ("2001:db8::1]:443", "unknown"),
        ("[[2001:db8::1]]:443", "unknown"),
        ("[evil]:443", "unknown"),
        ("[]:443", "unknown"),
        ("192.0.2.01", "unknown"),
        ("192.0.2", "unknown"),
        ("evil", "unknown"),
        ("1" * 10_000, "unknown"),
    ],
)
def test_a_network_has_one_name(remote, network):
    """D6."""
    assert network == network_of(remote)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[2001:0DB8::0001]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("192.0.2.1, 10.0.0.1", ""),
        ("192.0.2.1\r\nX: y", ""),
        ("unix:", ""),
        (None, ""),
    ],
)
def test_an_address_is_one_or_nothing(remote, address):
    """It goes into a header of a request to Keycloak."""
    assert address == address_of(remote)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_a_slash_64_is_one_network(host, other):
    """D6: whoever has one has all of its addresses."""
    import ipaddress

    prefix = 0x2001_0DB8_0000_0007 << 64

    assert network_of(str(ipaddress.IPv6Address(prefix | host))) == network_of(
        str(ipaddress.IPv6Address(prefix | other))
    )


PEER = "198.51.100.7"


class TestTrustedHops:
    """What a request says of its way is believed as far as the settings say, and no further."""

    @pytest.fixture(params=[0, 1, 2])
    def hops(self, request):
        return request.param

    @pytest.fixture
    def environment(self, hops):
        return {"SERVER__TRUSTED_HOPS": str(hops)}

    @pytest.mark.parametrize(
        ("forwarded", "networks"),
        [
            (None, (PEER, PEER, PEER)),
            ("203.0.113.1", (PEER, "203.0.113.1", PEER)),
            ("203.0.113.1, 203.0.113.2", (PEER, "203.0.113.2", "203.0.113.1")),
            ("192.0.2.9, 203.0.113.1, 203.0.113.2", (PEER, "203.0.113.2", "203.0.113.1")),
            ("1.1.1.1, 2.2.2.2, 3.3.3.3, 203.0.113.1, 203.0.113.2", (PEER, "203.0.113.2", "203.0.113.1")),
            ("evil, 203.0.113.1, 203.0.113.2", (PEER, "203.0.113.2", "203.0.113.1")),
            ("2001:db8::1, 2001:db8:1::2", (PEER, "2001:db8:1::/64", "2001:db8::/64")),
            ("::ffff:203.0.113.1, ::ffff:203.0.113.2", (PEER, "203.0.113.2", "203.0.113.1")),
            ("203.0.113.9:4711", (PEER, "203.0.113.9", PEER)),
            ("203.0.113.1:1, [2001:db8:1::2]:443", (PEER, "2001:db8:1::/64", "203.0.113.1")),
            ("192.0.2.9:80, 203.0.113.1:80, 203.0.113.2:80", (PEER, "203.0.113.2", "203.0.113.1")),
            ("<script>", (PEER, "unknown", PEER)),
            ("203.0.113.1:4711:x", (PEER, "unknown", PEER)),
        ],
    )
    def test_starts_are_counted_for_the_network_the_trusted_proxies_saw(
        self, parts, app, hops, forwarded, networks
    ):
        """D6: with 0, 1 and 2 trusted hops; what stands further left is the client's own invention."""
        from tests.web.browser import PERSON

        headers = {**PERSON, **({"X-Forwarded-For": forwarded} if forwarded else {})}

        Browser(app, network=PEER).authorize(login_hint="ada@example.org", headers=headers)

        assert [networks[hops]] == [event.network for event in events_of(parts, Event.CHALLENGE_STARTED)]


class TestBudget:
    """The network's budget, as an attacker would go round it."""

    @pytest.fixture
    def environment(self):
        return {"REALMS__ACME__CONNECTIONS__EMAIL__LIMITS__STARTS_PER_NETWORK_PER_HOUR": "6"}

    @pytest.mark.parametrize("way", ["forwarded for", "one slash 64", "mapped", "ports"])
    def test_inventing_addresses_gives_no_more_starts(self, app, way):
        """D6: 20 starts, each from another spelling of one network, of which six are served."""
        from tests.web.browser import PERSON

        statuses = []
        for number in range(20):
            network = {
                "forwarded for": PEER,
                "one slash 64": f"2001:db8::{number + 1:x}",
                "ports": f"192.0.2.1:{40_000 + number}",
                "mapped": ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201")[number % 3],
            }[way]
            headers = {**PERSON, "X-Forwarded-For": f"203.0.113.{number}"}
            answer = Browser(app, network=network).authorize(
                login_hint=f"user{number}@example.org", headers=headers
            )
            statuses.append(answer.status_code)

        assert [303] * 6 + [429] * 14 == statuses
