# SPDX-License-Identifier: ISC
"""Our libp2p against go-libp2p over loopback, each dialing the other.

Builds cpeer (ours) with make and gopeer with go; without go >= 1.25 the tests
that need it are skipped, and ours is tested against itself only. The build
directory is taken from $B (default: build).
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = os.environ.get("B", "build")
SEED = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
SEED_ID = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
TRANSFER_KIB = "16384"
STREAMS = "300"
GO_MIN = (1, 25)


def go_version():
    go = shutil.which("go")
    if go is None:
        return None
    out = subprocess.run([go, "version"], capture_output=True, text=True)
    found = re.search(r"go(\d+)\.(\d+)", out.stdout)
    return tuple(map(int, found.groups())) if found else None


@pytest.fixture(scope="session")
def cpeer():
    target = f"{BUILD}/tests/interop/cpeer"
    subprocess.run(
        ["make", "-s", f"B={BUILD}", target], cwd=TOP, check=True)
    return TOP / target


@pytest.fixture(scope="session")
def gopeer(tmp_path_factory):
    version = go_version()
    if version is None or version < GO_MIN:
        pytest.skip("needs go >= %d.%d, found %s" % (*GO_MIN, version))
    path = tmp_path_factory.mktemp("gopeer") / "gopeer"
    subprocess.run(
        ["go", "build", "-o", path, "./gopeer"], cwd=HERE, check=True)
    return path


class Listener:
    """A peer that listens until this is closed."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        assert self.address.startswith("/ip4/127.0.0.1/tcp/")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(10) == 0

    def as_peer(self, peer_id):
        return self.address.rsplit("/", 1)[0] + "/" + peer_id

    def port(self):
        return int(self.address.split("/")[4])


def run_cpeer(cpeer, address, *args, checks=()):
    done = subprocess.run(
        [cpeer, "dial", *args, address, *checks],
        capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done, {line["name"]: line for line in lines}


def assert_all_ok(done, results):
    bad = [r for r in results.values() if not r["ok"]]
    assert done.returncode == 0 and not bad, (bad, done.stderr)


ALL = {"connect", "identify", "ping", "unknown", "streams", "echo", "echo8",
       "halfclose", "reset", "discard", "source", "source8"}
HEAVY = ["-k", TRANSFER_KIB, "-n", STREAMS]


def test_ours_dials_ours(cpeer):
    with Listener(cpeer, "listen") as peer:
        done, results = run_cpeer(cpeer, peer.address, *HEAVY)
    assert_all_ok(done, results)
    assert set(results) == ALL


def test_ours_dials_go(cpeer, gopeer):
    with Listener(gopeer, "listen") as peer:
        done, results = run_cpeer(cpeer, peer.address, *HEAVY)
    assert_all_ok(done, results)
    assert set(results) == ALL


def run_gopeer(gopeer, address, *args):
    done = subprocess.run(
        [gopeer, "dial", *args, address],
        capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout) if done.stdout else {"checks": []}
    return done, {c["name"]: c for c in report["checks"]}


def test_go_dials_ours(cpeer, gopeer):
    with Listener(cpeer, "listen", "-s", SEED) as peer:
        assert peer.address.endswith(SEED_ID)
        done, results = run_gopeer(
            gopeer, peer.address, "-kib", TRANSFER_KIB, "-streams", "250")
    assert_all_ok(done, results)
    assert results["connect"]["values"] == {
        "early_muxer": True, "muxer": "/yamux/1.0.0",
        "security": "/tls/1.0.0"}
    seen = results["identify"]["values"]
    assert seen["agent"] == "cpeer"
    assert seen["signed_record"]
    assert seen["listen_addrs"] == [peer.address.rsplit("/p2p/", 1)[0]]
    assert "/echo/1.0.0" in seen["protocols"]


def test_go_is_the_same_peer(cpeer, gopeer):
    """The same seed is the same peer id in both."""
    with Listener(gopeer, "listen", "-seed", SEED) as peer:
        assert peer.address.endswith(SEED_ID)
        done, results = run_cpeer(cpeer, peer.address, checks=["identify"])
    assert_all_ok(done, results)


@pytest.mark.parametrize("kind", ["ours", "go"])
def test_ours_refuses_another_peer(cpeer, request, kind):
    program = cpeer if kind == "ours" else request.getfixturevalue("gopeer")
    with Listener(program, "listen") as peer:
        done, results = run_cpeer(
            cpeer, peer.as_peer(SEED_ID), checks=["identify"])
        assert done.returncode == 1
        assert set(results) == {"connect"}
        assert results["connect"]["error"].startswith("wrong-peer")
        # ... and the listener minds nothing.
        assert_all_ok(*run_cpeer(cpeer, peer.address, checks=["ping"]))


def test_go_refuses_another_peer(cpeer, gopeer):
    with Listener(cpeer, "listen") as peer:
        done, results = run_gopeer(gopeer, peer.as_peer(SEED_ID))
        assert done.returncode == 1
        assert not results["connect"]["ok"]
        assert "peer id mismatch" in results["connect"]["error"]
        done, results = run_gopeer(
            gopeer, peer.address, "-checks", "connect,ping")
        assert_all_ok(done, results)


def test_garbage_is_closed_and_others_are_served(cpeer):
    with Listener(cpeer, "listen") as peer:
        for junk in (b"GET / HTTP/1.1\r\n" * 9, b"\xff" * 2000,
                     b"\x13/multistream/1.0.0\n\x0a/tls/1.0.0\n" + b"x" * 99):
            with socket.create_connection(("127.0.0.1", peer.port())) as s:
                s.settimeout(5)
                try:
                    s.sendall(junk)
                    while s.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        assert_all_ok(*run_cpeer(cpeer, peer.address, checks=["ping"]))
