# SPDX-License-Identifier: ISC
"""Our libp2p against go-libp2p, js-libp2p and rust-libp2p over loopback, each
dialing the other.

Builds cpeer (ours) with make, gopeer with go, rustpeer with cargo, and installs
what jspeer needs with npm; all into the build directory, which is taken from $B
(default: build). Without go >= 1.26, without node >= 20 and npm, or without
cargo >= 1.88, the tests that need them are skipped, and so is what cannot be
downloaded. The first build of rustpeer takes some two minutes of two cores.
With DMD_LONG set the idle connections are longer so than any time-out of the
others.
"""

import concurrent.futures
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
TRANSFER_KIB = "65536"
STREAMS = "300"
#: as many as one who does not wait may open with us
STREAMS_INBOUND = "250"
GO_MIN = (1, 26)
NODE_MIN = (20,)
RUST_MIN = (1, 88)
IDLE_S = 130 if os.environ.get("DMD_LONG") else 12


def version_of(program, option, pattern):
    """The numbers in what it says of itself; None if it is not there."""
    if shutil.which(program) is None:
        return None
    out = subprocess.run([program, option], capture_output=True, text=True)
    found = re.search(pattern, out.stdout)
    return tuple(map(int, found.groups())) if found else None


def go_version():
    return version_of("go", "version", r"go(\d+)\.(\d+)")


def node_version():
    if shutil.which("npm") is None:
        return None
    return version_of("node", "--version", r"^v(\d+)\.")


def rust_version():
    return version_of("cargo", "--version", r"^cargo (\d+)\.(\d+)")


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


@pytest.fixture(scope="session")
def jspeer():
    """The command that runs it."""
    version = node_version()
    if version is None or version < NODE_MIN:
        pytest.skip(
            "needs npm and node >= %d, found %s" % (*NODE_MIN, version))
    place = TOP / BUILD / "tests/interop/jspeer"
    place.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "jspeer/package-lock.json").read_bytes()
    done = place / "installed"
    for file in (HERE / "jspeer").glob("*.*"):
        shutil.copy(file, place)
    if not done.exists() or done.read_bytes() != lock:
        npm = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=place, capture_output=True, text=True)
        if npm.returncode != 0:
            pytest.skip(f"npm cannot install js-libp2p: {npm.stderr[-200:]}")
        done.write_bytes(lock)
    return ["node", str(place / "peer.mjs")]


@pytest.fixture(scope="session")
def rustpeer():
    version = rust_version()
    if version is None or version < RUST_MIN:
        pytest.skip("needs cargo >= %d.%d, found %s" % (*RUST_MIN, version))
    target = TOP / BUILD / "tests/interop/rustpeer"

    def cargo(*args):
        # minutes of all cores, beside other tests that are in a hurry
        return subprocess.run(
            ["nice", "-n", "19", "cargo", *args, "--quiet", "--locked",
             "--target-dir", target],
            cwd=HERE / "rustpeer", capture_output=True, text=True)

    # what is not here needs the network; what is here has to compile
    done = cargo("build", "--offline")
    if done.returncode != 0:
        fetched = subprocess.run(
            ["cargo", "fetch", "--locked", "--quiet", "--target", rust_host()],
            cwd=HERE / "rustpeer", capture_output=True, text=True)
        if fetched.returncode != 0:
            pytest.skip(f"cargo cannot fetch rust-libp2p: "
                        f"{fetched.stderr[-200:]}")
        done = cargo("build", "--offline")
    assert done.returncode == 0, done.stderr[-2000:]
    return target / "debug/rustpeer"


def rust_host():
    out = subprocess.run(["rustc", "-vV"], capture_output=True, text=True)
    return re.search(r"^host: (\S+)", out.stdout, re.M).group(1)


@pytest.fixture(scope="session")
def example():
    target = f"{BUILD}/tests/interop/example"
    subprocess.run(
        ["make", "-s", f"B={BUILD}", target], cwd=TOP, check=True)
    return TOP / target


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
        capture_output=True, text=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done, {line["name"]: line for line in lines}


def assert_all_ok(done, results):
    bad = [r for r in results.values() if not r["ok"]]
    assert done.returncode == 0 and not bad, (bad, done.stderr)


ALL = {"connect", "identify", "ping", "unknown", "streams", "echo", "echo8",
       "halfclose", "reset", "discard", "source", "discard16", "source16",
       "push", "idle"}
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
        capture_output=True, text=True, timeout=300)
    report = json.loads(done.stdout) if done.stdout else {"checks": []}
    return done, {c["name"]: c for c in report["checks"]}


def test_go_dials_ours(cpeer, gopeer):
    with Listener(cpeer, "listen", "-s", SEED) as peer:
        assert peer.address.endswith(SEED_ID)
        done, results = run_gopeer(
            gopeer, peer.address, "-kib", TRANSFER_KIB, "-streams", STREAMS_INBOUND)
    assert_all_ok(done, results)
    assert results["connect"]["values"] == {
        "early_muxer": True, "muxer": "/yamux/1.0.0",
        "security": "/tls/1.0.0"}
    seen = results["identify"]["values"]
    assert seen["agent"] == "cpeer"
    assert seen["signed_record"]
    assert seen["listen_addrs"] == [peer.address.rsplit("/p2p/", 1)[0]]
    assert "/echo/1.0.0" in seen["protocols"]


def test_ours_dials_js(cpeer, jspeer):
    with Listener(*jspeer, "listen") as peer:
        done, results = run_cpeer(cpeer, peer.address, "-j", *HEAVY)
    assert_all_ok(done, results)
    assert set(results) == ALL


def run_jspeer(jspeer, address, *checks, kib=TRANSFER_KIB, idle=0):
    done = subprocess.run(
        [*jspeer, "dial", str(kib), STREAMS_INBOUND, str(idle), address, *checks],
        capture_output=True, text=True, timeout=120 + idle)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done, {line["name"]: line for line in lines}


def test_js_dials_ours(cpeer, jspeer):
    with Listener(cpeer, "listen", "-s", SEED) as peer:
        done, results = run_jspeer(jspeer, peer.address)
    assert_all_ok(done, results)
    assert set(results) == ALL - {"echo8"}


def test_ours_dials_rust(cpeer, rustpeer):
    with Listener(rustpeer, "listen", SEED) as peer:
        assert peer.address.endswith(SEED_ID)
        done, results = run_cpeer(cpeer, peer.address, "-r", *HEAVY)
    assert_all_ok(done, results)
    assert set(results) == ALL


def run_rustpeer(rustpeer, address, *checks, kib=TRANSFER_KIB, idle=0):
    done = subprocess.run(
        [rustpeer, "dial", str(kib), STREAMS_INBOUND, str(idle), address,
         *checks],
        capture_output=True, text=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done, {line["name"]: line for line in lines}


def test_rust_dials_ours(cpeer, rustpeer):
    with Listener(cpeer, "listen", "-s", SEED) as peer:
        done, results = run_rustpeer(rustpeer, peer.address)
    assert_all_ok(done, results)
    assert set(results) == ALL


KINDS = ["cpeer", "gopeer", "jspeer", "rustpeer"]


def idle_with(cpeer, kind, program):
    """What idles with a peer of this kind, each direction."""
    command = program if kind == "jspeer" else [program]
    options = {"jspeer": ["-j"], "rustpeer": ["-r"]}.get(kind, [])

    def ours():
        with Listener(*command, "listen") as peer:
            return run_cpeer(cpeer, peer.address, "-i", str(IDLE_S), "-k",
                             "64", *options, checks=["idle"])

    def theirs():
        with Listener(cpeer, "listen") as peer:
            if kind == "gopeer":
                return run_gopeer(program, peer.address, "-idle",
                                  f"{IDLE_S}s", "-checks", "idle")
            run = {"jspeer": run_jspeer, "rustpeer": run_rustpeer}[kind]
            return run(program, peer.address, "idle", kib=64, idle=IDLE_S)

    return [ours] if kind == "cpeer" else [ours, theirs]


@pytest.fixture(scope="session")
def idling(cpeer, request):
    """All that can be had, at once, since all they do is wait."""
    running = {}
    with concurrent.futures.ThreadPoolExecutor(2 * len(KINDS)) as pool:
        for kind in KINDS:
            try:
                program = request.getfixturevalue(kind)
            except pytest.skip.Exception:
                continue  # the test of this kind says why
            running[kind] = [
                pool.submit(one) for one in idle_with(cpeer, kind, program)]
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_idle(request, kind, idling):
    request.getfixturevalue(kind)
    for one in idling[kind]:
        assert_all_ok(*one.result())


def test_go_is_the_same_peer(cpeer, gopeer):
    """The same seed is the same peer id in both."""
    with Listener(gopeer, "listen", "-seed", SEED) as peer:
        assert peer.address.endswith(SEED_ID)
        done, results = run_cpeer(cpeer, peer.address, checks=["identify"])
    assert_all_ok(done, results)


@pytest.mark.parametrize("kind", KINDS)
def test_ours_refuses_another_peer(cpeer, request, kind):
    program = request.getfixturevalue(kind)
    command = program if kind == "jspeer" else [program]
    with Listener(*command, "listen") as peer:
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


def test_js_refuses_another_peer(cpeer, jspeer):
    with Listener(cpeer, "listen") as peer:
        done, results = run_jspeer(jspeer, peer.as_peer(SEED_ID), "ping")
        assert done.returncode == 1
        assert not results["connect"]["ok"]
        assert_all_ok(*run_jspeer(jspeer, peer.address, "ping"))


def test_rust_refuses_another_peer(cpeer, rustpeer):
    with Listener(cpeer, "listen") as peer:
        done, results = run_rustpeer(rustpeer, peer.as_peer(SEED_ID), "ping")
        assert done.returncode == 1
        assert set(results) == {"connect"}
        assert "Unexpected peer ID" in results["connect"]["error"]
        assert_all_ok(*run_rustpeer(rustpeer, peer.address, "ping"))


def test_example(cpeer, example):
    process = subprocess.Popen([example], stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        done, results = run_cpeer(
            cpeer, address,
            checks=["ping", "unknown", "echo", "halfclose", "reset"])
        assert_all_ok(done, results)
        assert len(results) == 6
    finally:
        process.kill()
        process.wait()


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
