# SPDX-License-Identifier: ISC
"""What a node does not take from a peer: what its own configuration forbids
is dropped and the connection kept, what is forged or malformed ends it."""

import contextlib
import os
import select
import subprocess
import time

import pytest

import wire
from conftest import BUILD, PATIENCE
from mesh import (ask, connected, content, files, listing, peers, put,
                  put_ok, reload, run, spread, wait, wait_content,
                  wait_files)
from refusals import (HELD, OTHER, REFUSALS, SIGNER, STRANGER, hours,
                      nothing_stored)
from versions import SECOND, Version, now


def differing(mesh, strict, lenient):
    """Two connected nodes; the second's configuration allows more."""
    a = mesh.add(**strict)
    b = mesh.add(**lenient)
    mesh.wait_connected()
    return a, b


PEER_CASES = {
    "unknown-file": (
        {"files": {"ok": [SIGNER.text]}},
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text]}},
        lambda: Version("x", b"x", SIGNER)),
    "unknown-signer": (
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text]}},
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text, OTHER.text]}},
        lambda: Version("x", b"x", OTHER)),
    "too-large": (
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text]},
         "limits": {"max_file_size": "1000"}},
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text]}},
        lambda: Version("x", bytes(1001), SIGNER)),
    "signed-in-future": (
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text]}},
        {"files": {"ok": [SIGNER.text], "x": [SIGNER.text]},
         "limits": {"max_clock_skew": "1d"}},
        lambda: Version("x", b"x", SIGNER, at=hours(10))),
}


@pytest.mark.parametrize("case", PEER_CASES)
def test_from_a_peer_that_allows_more(mesh, case):
    """Dropped, not held against the peer: what both allow still travels, on
    the same connection, and a walk does not bring it in either."""
    strict, lenient, make = PEER_CASES[case]
    a, b = differing(mesh, strict, lenient)
    since = {n: [r["since"] for r in peers(n).values()] for n in (a, b)}
    version = make()
    put_ok(b, version)
    spread([a, b], b, "ok", b"behind it", SIGNER)
    # and again by walks, one an interval, and by a new connection
    spread([a, b], a, "ok", b"the other way", SIGNER)
    assert content(a, "x") is None and "x" not in listing(a)
    assert content(b, "x") == version.content
    assert {n: [r["since"] for r in peers(n).values()]
            for n in (a, b)} == since
    b.stop()
    b.start()
    mesh.wait_connected()
    spread([a, b], b, "ok", b"after a new connection", SIGNER)
    assert content(a, "x") is None and "x" not in listing(a)
    assert "misbehaving" not in a.log() + b.log()
    assert not list((a.state / "index" / "tmp").iterdir())


def test_too_large_becomes_right_after_a_reload(mesh):
    strict, lenient, make = PEER_CASES["too-large"]
    a, b = differing(mesh, strict, lenient)
    version = make()
    put_ok(b, version)
    spread([a, b], b, "ok", b"behind it", SIGNER)
    del a.config["limits"]
    reload(a)
    wait_content([a, b], "x", version.content)


def test_from_the_near_future(mesh):
    """A peer with a clock a little ahead: taken once its time has come."""
    mesh.files = {"x": [SIGNER.text]}
    a = mesh.add(limits={"max_clock_skew": "1s"})
    b = mesh.add()
    mesh.wait_connected()
    version = Version("x", b"early", SIGNER, at=now() + 4 * SECOND)
    put_ok(b, version)
    assert put(a, version).code == "signed-in-future"
    wait_content([a, b], "x", b"early")


def test_a_clock_behind_is_told(mesh):
    """All is connected and nothing comes: status says why."""
    mesh.files = {"x": [SIGNER.text]}
    a = mesh.add()
    b = mesh.add(limits={"max_clock_skew": "1d"})
    mesh.wait_connected()
    put_ok(b, Version("x", b"early", SIGNER, at=now() + 3600 * SECOND))

    def status(node):
        out = run(node, BUILD / "dmctl", "status", "-s", node.socket)
        return out.returncode, out.stdout.decode().splitlines()[0]
    wait([a, b], lambda: status(a)[0] == 1)
    assert status(a)[1].startswith("1 of 1 peers hold versions signed in the "
                                   "future: check the clock")
    assert status(b)[0] == 0
    assert b"dm_peers_ahead 1\n" in ask(a, "GET", "/metrics").body
    # what is behind it comes all the same, and the clock is not forgotten
    put_ok(b, Version("x", b"late", SIGNER, at=now() + 3601 * SECOND))
    assert status(a)[0] == 1
    b.stop()
    wait([a], lambda: status(a)[1].startswith("no peer is connected"))


# --- from a peer that lies ----

HELLO = [0, 1, "rogue", None, 7, 1, None, bytes(16), 0, 0]


def entries(*versions, contents=None):
    out = wire.pack([1])[1:]
    items = b""
    for i, v in enumerate(versions):
        inline = (contents or [None] * len(versions))[i]
        items += b"\x92" + v.entry() + wire.pack(inline)
    head = wire.pack([None] * len(versions))
    return b"\x93" + out + head[:len(head) - len(versions)] + items + \
        wire.pack(b"")


class Rogue:
    """rogue.c against a node."""

    def __init__(self, node, *messages, **environment):
        hexes = [m if isinstance(m, str) else
                 (m if isinstance(m, bytes) else wire.pack(m)).hex()
                 for m in messages]
        prefix = node.prefix
        where = f"/ip4/127.0.0.1/tcp/{node.p2p_port}/p2p/{node.peer_id()}"
        self.process = subprocess.Popen(
            [*prefix, BUILD / "tests" / "integration" / "rogue", where,
             *hexes], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            bufsize=0, env={**os.environ, **environment})
        self.read = b""

    def line(self):
        """The next line it prints; "" if there is none in time."""
        out = self.process.stdout.fileno()
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.read and time.monotonic() < end:
            if select.select([out], [], [], 0.1)[0]:
                chunk = os.read(out, 4096)
                self.read += chunk or b"\n"
        line, _, self.read = self.read.partition(b"\n")
        return line.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture
def victim(mesh):
    if not (BUILD / "tests" / "integration" / "rogue").exists():
        pytest.skip("rogue is not built")
    mesh.files = {"a": [SIGNER.text], "b": [SIGNER.text], "del": [SIGNER.text]}
    n = mesh.add()
    put_ok(n, Version("a", b"held", SIGNER, at=HELD))
    put_ok(n, Version("del", b"x", SIGNER, at=HELD))
    return n


def test_rogue_that_tells_the_truth(victim):
    """The means of the tests below: it can bring a version in."""
    b = Version("b", b"good", SIGNER)
    gone = Version("del", None, SIGNER)
    with Rogue(victim, HELLO, entries(b, gone, contents=[b"good", None])):
        wait_files([victim], {"a": b"held", "b": b"good"})
    assert "misbehaving" not in victim.log()


LIES = ["signature over other content", "signature over another name",
        "signature over another time", "signature over another end",
        "signed with another key", "signature with another namespace",
        "signature of zeros", "signature of another kind"]


@pytest.mark.parametrize("why", LIES)
def test_forged_by_a_peer(victim, why):
    """Disconnected and named in the log; nothing stored."""
    version = REFUSALS[why][0]
    with nothing_stored(victim):
        with Rogue(victim, HELLO, entries(
                version, contents=[version.content])) as rogue:
            assert rogue.line() == "sent"
            assert rogue.line().startswith("closed")
    assert victim.wait_log(
        r"misbehaving peer address=\S+ peer=12D3\w+ reason=")


def test_content_that_is_not_what_was_signed(victim):
    """With the announcement itself: the peer is done with."""
    version = Version("b", b"good", SIGNER)
    with nothing_stored(victim):
        with Rogue(victim, HELLO, entries(version,
                                          contents=[b"evil"])) as rogue:
            assert rogue.line() == "sent"
            assert rogue.line().startswith("closed")
    victim.wait_log("misbehaving peer")
    # the honest one still comes through
    put_ok(victim, version)
    assert content(victim, "b") == b"good"


POLICY = ["unknown name", "unknown signer", "signed in the future",
          "older than held", "older delete"]


def test_against_the_configuration_by_a_peer(victim):
    """Dropped, and the same connection goes on being of use."""
    versions = [REFUSALS[why][0] for why in POLICY]
    versions += [Version("b", b"x", SIGNER, network=STRANGER.public),
                 Version("b", b"x", SIGNER, network=OTHER.public)]
    end = Version("del", None, SIGNER)
    before = files(victim)
    with Rogue(victim, HELLO, entries(*versions), entries(end)) as rogue:
        assert rogue.line() == "sent"
        wait([victim], lambda: content(victim, "del") is None)
        assert len(connected(victim)) == 1
    assert files(victim) == {"a": before["a"]}
    assert "misbehaving" not in victim.log()


@pytest.mark.parametrize("name, messages", [
    ("no hello first", [entries(Version("b", b"x", SIGNER))]),
    ("hello without end", [HELLO[:3]]),
    ("not MessagePack", [HELLO, b"\xc1\xc1\xc1"]),
    ("a map", [HELLO, b"\x81\x01\x02"]),
    ("an empty message", [HELLO, b""]),
    ("entries of nothing", [HELLO, b"\x93\x01\x91\x92\xc4\x00\xc0\xc4\x00"]),
    ("claims more than there is", [HELLO, b"\x93\x01\xdd\xff\xff\xff\xff"]),
    ("a bad name", [HELLO, entries(Version("../x", b"x", SIGNER))]),
    ("a dot", [HELLO, entries(Version("b/.x", b"x", SIGNER))]),
    ("256 bytes", [HELLO, entries(Version("x" * 256, b"x", SIGNER))]),
    ("a delete with content", [HELLO, entries(Version(
        "b", None, SIGNER, claim={"size": 5}))]),
    ("time beyond all", [HELLO, entries(Version(
        "b", b"x", SIGNER, at=2**62 + 1))]),
    ("a message too large", [HELLO, "=ffff7f"]),
    ("a length without end", [HELLO, "=ffffffffffffffffff"]),
    ("record that is not signed", [HELLO, [5, [os.urandom(100)], False]]),
])
def test_malformed_by_a_peer(victim, name, messages):
    with nothing_stored(victim):
        with Rogue(victim, *messages) as rogue:
            assert rogue.line() == "sent"
            assert rogue.line().startswith("closed")
    victim.wait_log("misbehaving peer")
