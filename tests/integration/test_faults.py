# SPDX-License-Identifier: ISC
"""Processes killed or stopped at any moment, power lost, the disk full, and
garbage on every port: the node heals by itself, has lost nothing that it
acknowledged, and the others notice a reconnect at most."""

import contextlib
import os
import random
import shutil
import signal
import socket
import threading
import time

import pytest

import wire
from conftest import IS_ROOT, PATIENCE, USERS, eventually
from mesh import (Client, ask, connect, content, control_put, files, listing,
                  peers, put, put_ok, reload, spread, tell, wait,
                  wait_equal_lists, wait_files)
from rights import mounted, needs_root
from versions import Signer, Version, winner

SIGNER = Signer()
CHILDREN = ("dm_net", "dm_store", "resolver")


class Writers:
    """Clients that go on uploading while things break. What was answered with
    2xx counts; a version that was not may be there or not."""

    def __init__(self, nodes, names=6, sizes=(100, 5000, 80_000)):
        self.nodes, self.names, self.sizes = nodes, names, sizes
        self.sent, self.acknowledged = [], []
        self.refused = []
        self.is_over = False
        self.threads = [threading.Thread(target=self.write, args=[i, n])
                        for i, n in enumerate(nodes)]

    def write(self, number, node):
        client = None
        while not self.is_over:
            name = f"w{number}/{random.randrange(self.names)}"
            version = Version(name, os.urandom(random.choice(self.sizes)),
                              SIGNER)
            self.sent.append(version)
            try:
                client = client or Client(node, timeout=PATIENCE)
                answer = client.put(version)
                if answer.status in (200, 201):
                    self.acknowledged.append(version)
                else:
                    self.refused.append(answer)
                if answer.status == 503:
                    time.sleep(0.02)
            except Exception:
                # what a client sees of it: a connection that breaks
                with contextlib.suppress(Exception):
                    client.close()
                client = None
                time.sleep(0.02)
        if client:
            client.close()

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for t in self.threads:
            t.join()

    def wait_progress(self, count=5):
        """Until so many more were acknowledged at each node."""
        marks = [sum(v.name.startswith(f"w{i}/") for v in self.acknowledged)
                 for i in range(len(self.nodes))]
        wait(self.nodes, lambda: all(
            sum(v.name.startswith(f"w{i}/") for v in self.acknowledged) >=
            m + count for i, m in enumerate(marks)),
            message="uploads do not go on")

    def check(self, nodes):
        """All nodes show, for each name, the greatest that was acknowledged,
        or one that was sent, not answered, and is greater."""
        wait_equal_lists(nodes, timeout=2 * PATIENCE)
        for name in {v.name for v in self.acknowledged}:
            best = winner([v for v in self.acknowledged if v.name == name])
            shown = content(nodes[0], name)
            known = [v for v in self.sent if v.name == name and
                     v.content == shown]
            assert known and known[0].rank >= best.rank, (
                name, "acknowledged and lost", tell(nodes))
            for node in nodes[1:]:
                assert content(node, name) == shown
        # refused, if at all, for want of the store or of an answer
        codes = {a.code for a in self.refused}
        assert codes <= {"store-restarting", "starting", "busy"}, codes


def healthy(nodes):
    for node in nodes:
        log = node.log()
        for word in ("compromised", "misbehaving", "AddressSanitizer",
                     "runtime error"):
            assert word not in log, [
                line for line in log.splitlines() if word in line]


def grow(mesh, count=3):
    mesh.files = {f"w{i}/*": [SIGNER.text] for i in range(count)}
    mesh.files["a"] = [SIGNER.text]
    return mesh.grow(count)


@pytest.mark.parametrize("child", CHILDREN)
def test_killed_child_while_uploading(mesh, child):
    """Twice, at random moments, in the midst of uploads to all nodes."""
    nodes = grow(mesh)
    victim, others = nodes[1], [nodes[0], nodes[2]]
    pids = {n: [n.pid(c) for c in CHILDREN] for n in others}
    rest = {c: victim.pid(c) for c in CHILDREN if c != child}
    with Writers(nodes) as writers:
        writers.wait_progress()
        for _ in range(2):
            before = victim.pid(child)
            time.sleep(random.random() / 10)
            os.kill(before, signal.SIGKILL)
            wait(nodes, lambda: victim.pid(child) not in (0, before))
            wait(nodes, victim.is_ready)
            writers.wait_progress()
    mesh.wait_connected()
    writers.check(nodes)
    assert {n: [n.pid(c) for c in CHILDREN] for n in others} == pids
    assert {c: victim.pid(c) for c in rest} == rest
    healthy(nodes)


def test_first_restart_is_immediate(mesh):
    """Healed, serving, and joined with the others again."""
    nodes = grow(mesh, 2)
    spread(nodes, nodes[0], "a", b"before", SIGNER)
    for i, child in enumerate(CHILDREN):
        os.kill(nodes[0].pid(child), signal.SIGKILL)
        wait(nodes, lambda: nodes[0].status()[f"{child}_restarts"] == [1])
        wait(nodes, nodes[0].is_ready)
        wait(nodes, lambda: ask(nodes[0], "GET", "/files/a").status == 200)
        spread(nodes, nodes[0], "a", b"after %d" % i, SIGNER)
        spread(nodes, nodes[1], "a", b"and back %d" % i, SIGNER)
    assert "is started again in" not in nodes[0].log()


def test_all_children_of_a_node_at_once(mesh):
    nodes = grow(mesh)
    with Writers(nodes) as writers:
        writers.wait_progress()
        for pid in [nodes[0].pid(c) for c in CHILDREN]:
            os.kill(pid, signal.SIGKILL)
        wait(nodes, nodes[0].is_ready)
        writers.wait_progress()
    writers.check(nodes)
    healthy(nodes)


def test_power_lost_right_after_the_answer(make_node):
    """What was answered with 2xx is there at the next start."""
    node = make_node(files={"a/*": [SIGNER.text]}).start()
    expected = {}
    for i in range(4):
        with Client(node) as client:
            for j, size in enumerate((0, 10, 60_000, 70_000, 300_000)):
                version = Version(f"a/{(i + j) % 7}", os.urandom(size),
                                  SIGNER)
                assert client.put(version).status in (200, 201)
                expected[version.name] = version.content
            gone = Version(f"a/{i}", None, SIGNER)
            assert client.put(gone).status in (200, 201)
            expected.pop(gone.name, None)
            pids = [node.pid(c) for c in CHILDREN]
            for pid in (*pids, node.process.pid):
                os.kill(pid, signal.SIGKILL)
            node.process.wait()
        node.start()
        eventually(lambda: files(node) == expected)
        assert {n for n, r in listing(node).items()
                if r["kind"] == "file"} == set(expected)
    if IS_ROOT:
        assert not list((node.state / "index" / "tmp").iterdir())


def test_power_lost_while_uploading(mesh):
    """At random moments, to a node of three that are written to."""
    nodes = grow(mesh)
    with Writers(nodes) as writers:
        for _ in range(3):
            writers.wait_progress(3)
            time.sleep(random.random() / 10)
            pids = [nodes[2].pid(c) for c in CHILDREN]
            for pid in (*pids, nodes[2].process.pid):
                os.kill(pid, signal.SIGKILL)
            nodes[2].process.wait()
            nodes[2].start()
    mesh.wait_connected()
    writers.check(nodes)
    healthy(nodes)


# --- children that stand still ----

@contextlib.contextmanager
def standing_still(node, child):
    pid = node.pid(child)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_stopped_net_catches_up(mesh):
    nodes = grow(mesh)
    with standing_still(nodes[2], "dm_net"):
        for i in range(30):
            put_ok(nodes[0], Version(f"w0/{i}", os.urandom(3000), SIGNER))
        spread(nodes[:2], nodes[1], "a", b"without the third", SIGNER)
        # its parent goes on answering
        assert nodes[2].ask("status_dmd").value("ready") in (0, 1)
    wait_files(nodes, files(nodes[0]))
    healthy(nodes)


def test_stopped_store_holds_up_nobody_else(mesh):
    """Uploads to its node wait; the node says so; peers lose nothing."""
    nodes = grow(mesh)
    spread(nodes, nodes[0], "a", b"before", SIGNER)
    waiting = Version("w2/waits", b"x" * 70_000, SIGNER)
    answers = []
    with standing_still(nodes[2], "dm_store"):
        client = threading.Thread(
            target=lambda: answers.append(put(nodes[2], waiting)))
        client.start()
        for i in range(30):
            put_ok(nodes[0], Version(f"w0/{i}", os.urandom(9000), SIGNER))
        spread(nodes[:2], nodes[1], "a", b"without the third", SIGNER)
        assert ask(nodes[2], "GET", "/healthz").status in (200, 503)
        assert nodes[2].ask("status_net").verdict == "ok"
        assert answers == []
    client.join(PATIENCE)
    assert answers and answers[0].status == 201
    wait(nodes, lambda: content(nodes[0], "w2/waits") == waiting.content)
    wait_files(nodes, files(nodes[0]))
    assert nodes[2].status()["dm_store_restarts"] == [0]
    healthy(nodes)


def test_stopped_resolver(mesh):
    nodes = grow(mesh, 2)
    with standing_still(nodes[0], "resolver"):
        spread(nodes, nodes[0], "a", b"x", SIGNER)
        nodes[0].config["cluster"]["bootstrap_peers"] = [
            "/dns/nowhere.invalid/tcp/1/p2p/"
            "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"]
        reload(nodes[0])
        spread(nodes, nodes[1], "a", b"y", SIGNER)
    healthy(nodes)


# --- a full disk ----

@pytest.fixture
def small_disk(mesh, users):
    """Nodes whose state directory is a small file system."""
    with contextlib.ExitStack() as stack:
        def mount(node, size="12m"):
            node.state.mkdir()
            stack.enter_context(mounted(
                node.state, "-t", "tmpfs", "-o", f"size={size},mode=750",
                "tmpfs"))
            stack.callback(node.stop)
        yield mount


class Filler:
    """Takes what is left of a disk, but for so many bytes."""

    def __init__(self, node, leave):
        self.path = node.state / "filler"
        free = os.statvfs(node.state)
        size = free.f_bavail * free.f_frsize - leave
        with open(self.path, "wb") as f:
            f.write(bytes(max(size, 0)))

    def remove(self):
        self.path.unlink()


@pytest.mark.parametrize("min_free", ["0", "1M"])
def test_full_disk(mesh, small_disk, min_free):
    """507, the old version intact, reads go on; room again: so do writes."""
    mesh.files = {"a": [SIGNER.text], "d/*": [SIGNER.text]}
    limits = {"limits": {"min_free": min_free}}
    node = mesh.add(start=False, **limits)
    small_disk(node)
    node.start()
    pids = [node.pid(c) for c in CHILDREN]
    old = Version("a", os.urandom(100_000), SIGNER)
    put_ok(node, old)
    filler = Filler(node, leave=200_000)
    for size in (3_000_000, 400_000):
        answer = put(node, Version("a", os.urandom(size), SIGNER))
        assert (answer.status, answer.code) == (507, "no-space"), answer
        assert content(node, "a") == old.content
        assert ask(node, "GET", "/files/a").body == old.content
    assert control_put(node, Version("d/big", bytes(400_000), SIGNER)
                       ).verdict == "no-space"
    # small ones until nothing at all goes any more
    last = None
    for i in range(200):
        version = Version(f"d/{i}", os.urandom(30_000), SIGNER)
        last = put(node, version)
        if last.status not in (200, 201):
            break
    assert (last.status, last.code) == (507, "no-space"), last
    assert content(node, "a") == old.content
    shown = files(node)
    assert {n for n in listing(node)} == set(shown)
    filler.remove()
    new = Version("a", os.urandom(3_000_000), SIGNER)
    wait([node], lambda: put(node, new).status in (200, 201))
    assert content(node, "a") == new.content
    assert [node.pid(c) for c in CHILDREN] == pids, "without a restart"


@needs_root
@pytest.mark.parametrize("min_free", ["0", "64M"])
def test_file_system_without_blocks(make_node, min_free):
    """It says nothing about its room: nothing is refused for that."""
    node = make_node(files={"a": [SIGNER.text]}, limits={"min_free": min_free})
    node.state.mkdir(exist_ok=True)
    with mounted(node.state, "-t", "ramfs", "-o", "mode=750", "ramfs"):
        node.start()
        for size in (3, 1_000_000):
            version = Version("a", os.urandom(size), SIGNER)
            put_ok(node, version)
            assert content(node, "a") == version.content
        values = node.ask("status_store").values()
        assert values["free_bytes"] == ["unknown"]
        assert values["writable"] == [1]
        node.stop()


def test_full_disk_of_a_peer(mesh, small_disk):
    """Others go on; when there is room it gets what it missed, unasked."""
    mesh.files = {"a": [SIGNER.text], "d/*": [SIGNER.text]}
    first = mesh.add()
    limits = {"limits": {"min_free": "0"}}
    full = mesh.add(start=False, **limits)
    third = mesh.add()
    small_disk(full)
    full.start()
    nodes = mesh.nodes
    mesh.wait_connected()
    old = spread(nodes, first, "a", os.urandom(100_000), SIGNER)
    filler = Filler(full, leave=100_000)
    since = [r["since"] for r in peers(full).values()]
    new = Version("a", os.urandom(3_000_000), SIGNER)
    put_ok(first, new)
    more = {f"d/{i}": os.urandom(40_000) for i in range(20)}
    for name, data in more.items():
        put_ok(third, Version(name, data, SIGNER))
    expected = {"a": new.content, **more}
    wait_files([first, third], expected)
    assert content(full, "a") == old.content
    answer = ask(full, "GET", "/files/a")
    assert answer.body == old.content, (answer, tell([full]))
    filler.remove()
    wait_files(nodes, expected, timeout=3 * PATIENCE)
    assert [r["since"] for r in peers(full).values()] == since
    healthy(nodes)


def test_start_on_a_full_disk(mesh, small_disk):
    """What is there is served; recovery comes with room."""
    mesh.files = {"a": [SIGNER.text]}
    node = mesh.add(start=False, limits={"min_free": "0"})
    small_disk(node)
    node.start()
    old = Version("a", os.urandom(50_000), SIGNER)
    put_ok(node, old)
    filler = Filler(node, leave=0)
    node.kill()
    node.start()
    wait([node], lambda: ask(node, "GET", "/files/a").body == old.content)
    assert put(node, Version("a", bytes(100_000), SIGNER)).status == 507
    filler.remove()
    new = Version("a", os.urandom(200_000), SIGNER)
    wait([node], lambda: put(node, new).status in (200, 201))


# --- what keeps a node from starting: one clear line each ----

def refused_start(node, code):
    node.spawn()
    assert node.wait_exit() == code, node.log()
    errors = [line for line in node.log().splitlines() if "error: " in line]
    assert len(errors) == 1, node.log()
    return errors[0]


@pytest.mark.parametrize("which", ["p2p_port", "http_port"])
def test_port_in_use(make_node, which):
    node = make_node()
    with socket.socket() as s:
        s.bind(("127.0.0.1", getattr(node, which)))
        s.listen()
        line = refused_start(node, 75)
    assert str(getattr(node, which)) in line and "in use" in line


@needs_root
def test_missing_user_and_wrong_owner(make_node):
    node = make_node()
    node.config[""]["store_user"] = "_nobody_has_this"
    line = refused_start(node, 67)
    assert "_nobody_has_this" in line
    other = make_node()
    other.state.mkdir()
    (other.state / "x").touch()
    shutil.chown(other.state, USERS[0])
    assert str(other.state) in refused_start(other, 77)


def test_wrong_configuration_names_all_errors(make_node):
    node = make_node()
    node.write_config("[cluster]\nport = 99999\nnonsense = 1\n"
                      "[files]\n\"../x\" = []\n")
    node.spawn()
    assert node.wait_exit() == 78
    for line in (2, 3, 5):
        assert f"{node.toml}:{line}: " in node.log()


# --- garbage ----

def garbage():
    hello = bytes.fromhex(
        "16030100c4010000c00303") + os.urandom(400)
    yield b""
    yield b"\0"
    yield os.urandom(10)
    yield os.urandom(70_000)
    yield b"\x16\x03\x01\xff\xff" + os.urandom(70_000)
    yield hello
    yield b"\x13/multistream/1.0.0\n"
    yield b"\x13/multistream/1.0.0\n" + b"\x0b/tls/1.0.0\n" + os.urandom(999)
    yield b"\x13/multistream/1.0.0\n" + b"\xff" * 100
    yield b"\x13/multistream/1.0.0\n" + b"\x07/noise\n" * 2000
    yield b"GET / HTTP/1.1\r\n" * 5000
    yield b"GET /files HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3 + b"\xff" * 50
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(2000)
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9) * 3000
    settings = b"\0\0\0\4\0\0\0\0\0"
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings * 5000
    ping = b"\0\0\x08\6\0\0\0\0\0" + bytes(8)
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + ping * 5000
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + \
        b"\xff\xff\xff\1\4\0\0\0\1" + os.urandom(5000)
    headers = b"\0\0\1\1\0\0\0\0\1\x82" + b"\0\x40\0\x09\0\0\0\0\1" * 500
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers
    yield b"PUT /files/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + \
        b"ffffffffffffffff\r\n" + os.urandom(100)


@pytest.mark.parametrize("port", ["p2p_port", "http_port"])
def test_garbage_costs_its_connection_only(mesh, port):
    nodes = grow(mesh, 2)
    node = nodes[0]
    spread(nodes, node, "a", b"before", SIGNER)
    pids = [node.pid(c) for c in CHILDREN]
    since = [r["since"] for r in peers(node).values()]
    left_open = []
    for data in garbage():
        s = connect(node, getattr(node, port))
        s.settimeout(0.05)
        with contextlib.suppress(OSError):
            s.sendall(data)
        with contextlib.suppress(OSError):
            while s.recv(65536):
                pass
        if len(left_open) < 8:
            left_open.append(s)
        else:
            s.close()
        assert ask(node, "GET", "/files/a").body == b"before"
    spread(nodes, nodes[1], "a", b"after", SIGNER)
    spread(nodes, node, "a", b"and back", SIGNER)
    assert [node.pid(c) for c in CHILDREN] == pids
    assert [r["since"] for r in peers(node).values()] == since
    for s in left_open:
        s.close()


@pytest.mark.parametrize("port", ["p2p_port", "http_port"])
def test_many_connections_that_say_nothing(mesh, port):
    """Those who do speak are served all the same."""
    nodes = grow(mesh, 2)
    spread(nodes, nodes[0], "a", b"before", SIGNER)
    silent = []
    for _ in range(40):
        silent.append(connect(nodes[0], getattr(nodes[0], port)))
    spread(nodes, nodes[0], "a", b"meanwhile", SIGNER)
    spread(nodes, nodes[1], "a", b"both ways", SIGNER)
    nodes[1].stop()
    nodes[1].start()
    mesh.wait_connected()
    spread(nodes, nodes[1], "a", b"a new connection too", SIGNER)
    for s in silent:
        s.close()


def test_garbage_on_the_control_socket(make_node):
    node = make_node(files={"a": [SIGNER.text]}).start()
    pids = [node.pid(c) for c in CHILDREN]
    kinds = [b"\0", os.urandom(20), os.urandom(16384), b"DMC1",
             b"DMC1\x01\x09\0\0", b"DMC1\x01\x0c" + b"\xff\xff" + bytes(99),
             wire.request("upload", os.urandom(500)),
             wire.request("get", "../../etc/passwd"),
             wire.request("list", "x" * 256), wire.request("log", 9),
             wire.request("show", "a\0b")]
    for data in kinds * 2:
        with contextlib.suppress(OSError, AssertionError, IndexError,
                                 KeyError):
            answer = wire.ask_raw(node.socket, data, timeout=5)
            assert answer.verdict not in ("ok", "created")
    assert node.ask("status_store").verdict == "ok"
    assert node.ask("status_net").verdict == "ok"
    assert [node.pid(c) for c in CHILDREN] == pids
    put_ok(node, Version("a", b"x", SIGNER))
