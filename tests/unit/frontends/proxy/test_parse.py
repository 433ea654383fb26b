import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsfs.errors import ConfigurationError
from smsfs.frontends.proxy import MAX_LINE, MAX_REST, Header, ProxyError, is_within, missing, networks, parse

PORTS = st.integers(0, 65535)
ADDRESSES = st.ip_addresses().filter(lambda address: not getattr(address, "scope_id", None)).map(str)
VERSIONS = st.sampled_from(["line", "binary"])


@given(VERSIONS, ADDRESSES, PORTS, st.binary(max_size=300))
def test_the_client_is_who_the_balancer_says(headers, version, source, port, rest):
    """Logs, limits and bans would be about another address than the client's, or its first bytes be lost."""
    header = getattr(headers, version)(source, port)
    assert parse(header + rest) == Header((source, port))


@given(VERSIONS, ADDRESSES, PORTS)
def test_a_header_in_pieces_is_waited_for(headers, version, source, port):
    """A connection would be refused when the network cuts its header in two."""
    header = getattr(headers, version)(source, port)
    assert {parse(header[:size]) for size in range(len(header))} == {None}


@given(st.sampled_from(["line", "binary", "unknown"]), ADDRESSES, PORTS, st.integers(0, 200))
def test_only_the_header_is_read(headers, version, source, port, cut):
    """The client's first bytes would be lost."""
    unknown = b"PROXY UNKNOWN\r\n"
    header = unknown if version == "unknown" else getattr(headers, version)(source, port)
    data = header[: cut % len(header)]
    while parse(data) is None:
        assert 0 < missing(data) <= len(header) - len(data)
        data += header[len(data) : len(data) + missing(data)]
    assert data == header


@given(ADDRESSES, PORTS, st.binary(max_size=4096))
def test_additions_are_passed_over(headers, source, port, additions):
    """A balancer that also tells of TLS or of a connection's id would lock everybody out."""
    header = headers.binary(source, port, additions)
    assert parse(header) == Header((source, port))


@given(
    st.one_of(
        st.binary(), st.binary().map(lambda rest: b"PROXY " + rest), st.binary().map(b"\r\n\r\n".__add__)
    )
)
def test_garbage_is_an_error_of_ours(data):
    """A scanner's bytes would put a traceback into the log."""
    with contextlib.suppress(ProxyError):
        parse(data)


@given(st.data(), VERSIONS, ADDRESSES, PORTS)
def test_a_damaged_header_names_no_odd_peer(headers, data, version, source, port):
    """Something that is no address would get into bans and logs, or a traceback into the log."""
    header = bytearray(getattr(headers, version)(source, port))
    header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse(bytes(header))
    except ProxyError:
        return
    if found and found.peer:
        assert str(ipaddress.ip_address(found.peer[0])) == found.peer[0]
        assert 0 <= found.peer[1] <= 65535


@given(
    st.sampled_from([b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", b"\r\n\r\n\0\r\nQUIT\n\x20\0\x10\0"])
)
def test_the_wait_for_a_header_is_bounded(start):
    """Whoever may send headers could fill the memory with one that never ends."""
    try:
        found = parse(start.ljust(16 + MAX_REST, b"x"))
    except ProxyError:
        return
    assert found


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x00\x02",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x00\x00\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x31\x00\xd8" + b"/run/client".ljust(108, b"\0") * 2,
    ],
    ids=["unknown", "unknown with addresses", "LOCAL", "LOCAL with addresses", "unspecified", "UNIX"],
)
def test_a_balancer_may_speak_for_itself(header):
    """Its health checks would be refused, and the host never be given a client."""
    assert parse(header + b"SSH-2.0-x\r\n") == Header(None)


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1_0 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 " + b"1" * 5000 + b" 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.\xb2 192.0.2.2 1 2\r\n",
        b"PROXY \r\n",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 " + b" " * MAX_LINE,
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_a_line_is_taken_to_the_letter(line):
    """An address would be read other than the balancer wrote it, and a ban hit somebody else."""
    with pytest.raises(ProxyError):
        parse(line)


def test_binary_fields_are_taken_to_the_letter(headers):
    """Bytes of a protocol to come, or of none, would be taken for a client's address."""
    addresses = b"\xc0\0\2\1\xc0\0\2\2\0\1\0\2"
    good = headers.raw(1, 0x11, addresses)
    assert parse(good) == Header(("192.0.2.1", 1))
    for broken in (
        headers.raw(2, 0x11, addresses),
        headers.raw(1, 0x11, addresses, version=1),
        headers.raw(1, 0x12, addresses),
        headers.raw(1, 0x41, addresses),
        headers.raw(1, 0x11, addresses[:-1]),
        headers.raw(1, 0x21, addresses),
        headers.raw(1, 0x11, bytes(MAX_REST + 1)),
    ):
        with pytest.raises(ProxyError):
            parse(broken)


def test_only_the_configured_addresses_are_trusted():
    """Anybody could take any address, or a balancer on a socket for both families would be locked out."""
    trusted = networks(["192.0.2.11", "10.0.0.0/8", "2001:db8::/32"])
    inside = ["192.0.2.11", "::ffff:192.0.2.11", "10.255.0.1", "2001:db8::1", "2001:db8::1%eth0"]
    outside = ["192.0.2.12", "::ffff:192.0.2.12", "11.0.0.1", "::1", "::10.0.0.1", "unknown", ""]
    assert [is_within(peer, trusted) for peer in inside] == [True] * len(inside)
    assert [is_within(peer, trusted) for peer in outside] == [False] * len(outside)
    assert not is_within("192.0.2.11", [])


@pytest.mark.parametrize("text", ["haproxy.example", "10.0.0.1/8", "10.0.0.0/33", "", "10.0.0.1:8022"])
def test_a_wrong_network_is_named(text):
    """An operator would search for what is wrong with the configuration, or trust more than was meant."""
    with pytest.raises(ConfigurationError, match="proxy_from") as refusal:
        networks(["127.0.0.1", text])
    assert repr(text) in str(refusal.value)
