# SPDX-License-Identifier: ISC
"""A peer that the node dials, and that misbehaves each time (hostile as a
listener): it is named by what it has proved, and left alone for longer and
longer."""
import os
import re
import subprocess
import time

import pytest

from conftest import eventually, free_port
from test_hostile import HOSTILE, assert_good_peer, hostile_connections
from test_refused_peers import HELLO, Rogue
from versions import Ed25519

#: of hostile's seed
PEER = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#: seconds that are watched
SPAN = 16


def dialled_lines(node):
    """Of who was dialled and proved its id: no address is blamed."""
    return re.findall(r"misbehaving peer address=- peer=(\w+) "
                      r"dialed=127\.0\.0\.1:(\d+) reason=", node.log())


def field(number, value):
    """Of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def peer_record(key, port, seq=None):
    """The signed envelope of one with an address of this host."""
    proto = field(1, 1) + field(2, key.public)
    address = b"\x04\x7f\0\0\1\x06" + port.to_bytes(2, "big")
    payload = field(1, b"\0" + bytes([len(proto)]) + proto) + \
        field(2, seq or time.time_ns()) + field(3, field(1, address))
    text = b"".join(varint(len(part)) + part for part in (
        b"libp2p-peer-record", b"\x03\x01", payload))
    return field(1, proto) + field(2, b"\x03\x01") + field(3, payload) + \
        field(5, key.sign(text))


class Bad:
    """A bootstrap peer, and what it saw."""

    def __init__(self, tmp_path, attack, port):
        self.port = port
        self.path = tmp_path / attack
        with self.path.open("w") as out:
            self.process = subprocess.Popen(
                [HOSTILE, "listen", str(port), attack], stdout=out)
        eventually(lambda: "listening" in self.path.read_text())

    def dials(self):
        return [float(t) for t in self.path.read_text().split()[1:]]

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def dialling(make_node, tmp_path):
    """dialling(attack): a node, and the bad one that it knows of."""
    made = []

    def make(attack):
        if not HOSTILE.exists():
            pytest.fail(f"not built: {HOSTILE}")
        node = make_node()
        bad = Bad(tmp_path, attack, free_port())
        made.append(bad)
        node.config["cluster"]["bootstrap_peers"] = [
            f"/ip4/127.0.0.1/tcp/{bad.port}/p2p/{PEER}"]
        node.start()
        node.address = node.multiaddr()
        return node, bad
    yield make
    for bad in made:
        bad.end()


def test_back_off(dialling):
    """One that breaks the rules once its id is proved is named once, by that
    id, and not dialled again for half a minute at least, whoever else comes.
    One that might be anybody is not named, and dialled again, at random and
    less and less often."""
    proved, bad = dialling("yamux_version")
    anybody, worse = dialling("plain_garbage")
    eventually(lambda: bad.dials() and worse.dials())
    start = time.monotonic()
    while time.monotonic() - start < SPAN:
        assert_good_peer(proved)
        assert_good_peer(anybody)
        time.sleep(1)

    assert len(bad.dials()) == 1
    assert dialled_lines(proved) == [(PEER, str(bad.port))]
    assert hostile_connections(proved) == 1

    times = worse.dials()
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert 2 <= len(gaps) < SPAN
    assert len({round(gap, 2) for gap in gaps}) > 1
    for i, gap in enumerate(gaps):
        # and what passes until the next tick, on a busy machine
        assert gap < 0.05 + 0.5 * 2 ** i + 2, gaps
    assert max(gaps + [SPAN - (times[-1] - times[0])]) > 2, gaps
    assert "misbehaving" not in anybody.log()
    assert hostile_connections(anybody) == 0
    assert re.search(rf"cannot reach peer={PEER}: 127\.0\.0\.1:{worse.port}: "
                     "protocol: ", anybody.log())
    assert not re.search("cannot reach", proved.log())
    for node in proved, anybody:
        assert not re.search(rf"address=\S*:({bad.port}|{worse.port})\b.*"
                             "reason=", node.log())


@pytest.mark.parametrize("attack", ["plain_garbage", "tls_garbage", "cert_rsa",
                                    "tls_alpn"])
def test_a_record_leads_to_somebody_else(node, tmp_path, attack):
    """Any peer can sign a record that names the address of a server that it
    does not like. That server is not blamed for what it says when it is
    dialled, in no line that programs ban addresses by."""
    bad = Bad(tmp_path, attack, free_port())
    liar = Ed25519(os.urandom(32))
    try:
        node.start()
        with Rogue(node, HELLO, [5, [peer_record(liar, bad.port)],
                                 False]) as rogue:
            assert rogue.line() == "sent"
            eventually(bad.dials)
            eventually(lambda: re.search(
                rf"cannot reach peer=12D3\w+: 127\.0\.0\.1:{bad.port}: ",
                node.log()))
    finally:
        bad.end()
    assert "misbehaving" not in node.log()
    assert hostile_connections(node) == 0
