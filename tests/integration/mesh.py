# SPDX-License-Identifier: ISC
"""Meshes of nodes, each on a machine of its own (topology.py), and what tests
ask and do there: HTTP from the node's own machine, uploads both ways, what is
on disk and in the lists."""

import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading

from conftest import IS_ASAN, PATIENCE, eventually
from versions import Version

#: longer than any test: nothing that a timer does can be what was awaited
NO_TIMER = "1h"
_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def inside(host):
    """Sockets that this thread makes meanwhile belong to the host."""
    if host is None or host.netns is None:
        yield
        return
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(f"/run/netns/{host.netns}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(there, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            if _libc.setns(here, _CLONE_NEWNET) != 0:
                os.abort()
    finally:
        os.close(here)
        os.close(there)


def connect(node, port=None, timeout=PATIENCE, address="127.0.0.1"):
    """A TCP connection made on the node's machine."""
    with inside(node.host):
        s = socket.create_connection((address, port or node.http_port),
                                     timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The stable code of a refusal, or of what was stored."""
        return self.json["code"]

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Client:
    """HTTP/1.1 from the node's machine, over one connection as long as the
    node keeps it: it closes it when it refuses an upload before its end."""

    def __init__(self, node, timeout=PATIENCE):
        self.node = node
        self.timeout = timeout
        self.http = http.client.HTTPConnection("127.0.0.1", node.http_port)
        self.http.sock = connect(node, timeout=timeout)

    def ask(self, method, path, headers=None, body=None):
        if self.http.sock is None:
            self.http.sock = connect(self.node, timeout=self.timeout)
        # refused early: the answer is there before the body is sent
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.http.request(method, path, body=body, headers=headers or {})
        r = self.http.getresponse()
        return Response(r.status, r.headers, r.read())

    def put(self, version, sha256=True):
        path = "/files/" + version.name
        if version.kind == "delete":
            return self.ask("DELETE", path, version.headers())
        return self.ask("PUT", path, version.headers(sha256),
                        version.content)

    def close(self):
        self.http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(node, method, path, headers=None, body=None, timeout=PATIENCE):
    with Client(node, timeout) as client:
        return client.ask(method, path, headers, body)


def put(node, version, sha256=True):
    """Uploads, or deletes, over HTTP."""
    with Client(node) as client:
        return client.put(version, sha256)


def put_ok(node, version, sha256=True):
    answer = put(node, version, sha256)
    assert answer.status in (200, 201), answer
    return answer


def memfd(content, seal=True):
    fd = os.memfd_create("upload", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    if seal:
        import fcntl
        # F_ADD_SEALS: seal, shrink, grow, write
        fcntl.fcntl(fd, 1033, 1 | 2 | 4 | 8)
    return fd


def control_put(node, version):
    """Uploads, or deletes, through the control socket; the Answer."""
    if version.kind == "delete":
        return node.ask("upload", version.entry())
    fd = memfd(version.content)
    try:
        return node.ask("upload", version.entry(), fds=[fd])
    finally:
        os.close(fd)


# --- what a node has ----

def files(node):
    """Name -> content of all that is in files/."""
    top, out = node.state / "files", {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = pathlib.Path(folder, name)
            with contextlib.suppress(FileNotFoundError):
                out[str(path.relative_to(top))] = path.read_bytes()
    return out


def content(node, name):
    try:
        return (node.state / "files" / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def listing(node):
    """GET /files, by name."""
    answer = ask(node, "GET", "/files")
    assert answer.status == 200, answer
    rows = answer.json
    assert len({r["name"] for r in rows}) == len(rows)
    return {r["name"]: r for r in rows}


def peers(node):
    """GET /peers, by peer id."""
    answer = ask(node, "GET", "/peers")
    assert answer.status == 200, answer
    return {r["peer"]: r for r in answer.json}


def connected(node):
    return {p for p, row in peers(node).items() if row["state"] == "connected"}


def tell(nodes):
    """Everything about some nodes, for the message of a failed test."""
    out = []
    for node in nodes:
        out.append(f"==== {node.base.name}")
        with contextlib.suppress(OSError, AssertionError):
            out.append(str(files(node))[:2000])
            out.append(str(peers(node)))
        out.append("\n".join(node.log().splitlines()[-150:]))
    return "\n".join(out)


def wait(nodes, what, timeout=PATIENCE, message="did not happen"):
    """As eventually(), with the logs of the nodes if it fails."""
    try:
        return eventually(what, timeout, message)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{tell(nodes)}") from None


def wait_files(nodes, expected, timeout=PATIENCE):
    """All nodes show exactly these files, byte for byte."""
    def same():
        return all(files(n) == expected for n in nodes)
    wait(nodes, same, timeout, f"not the files {sorted(expected)}")


def wait_content(nodes, name, expected, timeout=PATIENCE):
    wait(nodes, lambda: all(content(n, name) == expected for n in nodes),
         timeout, f"{name} is not {expected and expected[:80]!r} everywhere")


def wait_equal_lists(nodes, timeout=PATIENCE):
    """All nodes list the same, and show the files that they list."""
    def same():
        first, *rest = (listing(n) for n in nodes)
        return all(r == first for r in rest)
    wait(nodes, same, timeout, "the lists differ")
    lists = listing(nodes[0])
    for node in nodes:
        shown = {n for n, row in lists.items() if row["kind"] == "file"}
        assert set(files(node)) == shown, tell([node])
    return lists


# --- meshes ----

class Mesh:
    """Nodes with the same files, each on its own host. The first is the
    bootstrap peer of the others unless they are given another."""

    def __init__(self, make_node, net):
        self.make_node, self.net = make_node, net
        self.nodes = []
        self.files = {}
        self.interval = "1s"

    def add(self, start=True, bootstrap=None, files=None, **config):
        host = self.net.add_host()
        node = self.make_node(
            files=dict(self.files) if files is None else files)
        node.host = host
        if host.netns:
            node.prefix = host.prefix
            del node.config["cluster"]["interface"]
        node.config["cluster"]["push_pull_interval"] = self.interval
        if bootstrap is None:
            bootstrap = self.nodes[:1]
        node.config["cluster"]["bootstrap_peers"] = [
            b if isinstance(b, str) else address(b) for b in bootstrap]
        for section, values in config.items():
            node.config.setdefault(section or "", {}).update(values)
        self.nodes.append(node)
        if start:
            node.start()
        return node

    def grow(self, count, **config):
        for _ in range(count):
            self.add(**config)
        self.wait_connected()
        return self.nodes

    def wait_connected(self, nodes=None, timeout=PATIENCE):
        """Every node is connected with every other."""
        nodes = self.nodes if nodes is None else nodes
        ids = {n: n.peer_id() for n in nodes}

        def meshed():
            return all(set(ids.values()) - {ids[n]} <= connected(n)
                       for n in nodes)
        wait(nodes, meshed, timeout, "the nodes do not find each other")


def address(node, kind="ip4", name=None):
    """Where a node is reached: /ip4, /ip6 or /dns."""
    value = name or (node.host.ip4 if kind == "ip4" else node.host.ip6)
    return f"/{kind}/{value}/tcp/{node.p2p_port}/p2p/{node.peer_id()}"


def reload(node):
    """Writes the changed configuration and has it loaded."""
    node.write_config()
    answer = node.ask("reload")
    assert answer.verdict == "ok", (answer.sentence, node.log()[-2000:])


def spread(nodes, at, name, text, signer, **more):
    """Uploads a new version at one node and waits for it on all."""
    version = Version(name, text, signer, **more)
    put_ok(at, version)
    wait_content(nodes, name, version.visible)
    return version


def run(node, *command, **options):
    """A program on the node's machine."""
    return subprocess.run([*node.prefix, *map(str, command)],
                          capture_output=True, timeout=PATIENCE, **options)


def need(program):
    if shutil.which(program) is None:
        import pytest
        pytest.skip(f"{program} is not installed")


def in_threads(*jobs):
    """Runs functions at once; the first error is raised."""
    errors = []

    def guard(job):
        try:
            job()
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=guard, args=[j]) for j in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


#: repetitions of what is done at random moments
ROUNDS = 4 if IS_ASAN else 10
