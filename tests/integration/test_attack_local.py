# SPDX-License-Identifier: ISC
"""A local user without rights, and what else may sit at either end of the
control socket: requests of the wrong form, clients by the dozen that do not
read, descriptors that were not asked for; and towards dmctl, a daemon that is
none. Afterwards the node answers, and holds no descriptor more."""

import contextlib
import fcntl
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import wire
from conftest import (BUILD, GROUP, IS_ASAN, IS_ROOT, PATIENCE,
                      answers_at_once, eventually)
from mesh import control_put, memfd
from rights import needs_proc, needs_root
from versions import Signer, Version

SIGNER = Signer()
CHILDREN = ("dm_net", "dm_store", "resolver")
LIST = wire.request("list", "")


@pytest.fixture(scope="module")
def victim(tmp_path_factory, users, programs):
    from conftest import _nodes
    with _nodes(tmp_path_factory.mktemp("local"), programs) as make:
        node = make(files={"a": [SIGNER.text], "many/*": [SIGNER.text]})
        node.config[""]["log_level"] = "info"
        node.start()
        assert control_put(node, Version("a", b"good", SIGNER)).verdict == \
            "created"
        for i in range(400):
            assert control_put(node, Version(
                f"many/{i}-" + "x" * 150, b"", SIGNER)).verdict == "created"
        yield node


def statuses(node):
    """A process may still hold clients that have just hung up."""
    for part in ("status_dmd", "status_net", "status_store"):
        eventually(lambda: node.ask(part, timeout=5).verdict == "ok",
                   message=part)


def descriptors(node):
    pids = [node.process.pid, *(node.pid(c) for c in CHILDREN)]
    return [len(list(pathlib.Path(f"/proc/{p}/fd").iterdir())) for p in pids]


@pytest.fixture(scope="module")
def at_rest(victim):
    """How many descriptors each process holds while nobody asks anything."""
    if not IS_ROOT:
        return None
    seen = []

    def is_steady():
        seen.append(descriptors(victim))
        return len(seen) >= 10 and len(set(map(tuple, seen[-10:]))) == 1
    eventually(is_steady)
    return seen[-1]


@pytest.fixture(autouse=True)
def unharmed(victim, at_rest):
    before = [victim.pid(c) for c in CHILDREN]
    yield
    answers_at_once(lambda: statuses(victim))
    assert [victim.pid(c) for c in CHILDREN] == before, victim.log()[-3000:]
    if IS_ROOT:
        eventually(lambda: all(map(int.__le__, descriptors(victim), at_rest)),
                   message="a descriptor was kept")


@contextlib.contextmanager
def many_descriptors():
    """As many, open or on their way through a socket, as are ever allowed:
    without privileges the limit counts both."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def client(node, data=None, fds=()):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(PATIENCE)
    connect_patiently(s, node)
    if data is not None:
        # refused at once, it may be closed by now
        with contextlib.suppress(BrokenPipeError):
            socket.send_fds(s, [data], list(fds))
    return s


def verdict(node, data, fds=()):
    return wire.ask_raw(node.socket, data, PATIENCE, fds).verdict


def connect_patiently(s, node):
    """When the backlog is full a socket that does not block is refused."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            s.connect(str(node.socket))
            return
        except BlockingIOError:
            assert time.monotonic() < end
            time.sleep(0.001)


def test_a_list_of_many(victim):
    answer = victim.ask("list", "")
    assert (answer.verdict, len(answer.rows)) == ("ok", 401)


# --- requests -----------------------------------------------------------------

@pytest.mark.parametrize("name, data", [
    ("one byte", b"D"), ("half a header", LIST[:4]),
    ("a header less one", LIST[:7]), ("a header alone", LIST[:8]),
    ("another magic", b"DMC2" + LIST[4:]),
    ("another version", LIST[:4] + b"\x02" + LIST[5:]),
    ("a length too small", LIST[:6] + b"\0\0" + LIST[8:]),
    ("a length too large", LIST[:6] + b"\xff\x0f" + LIST[8:]),
    ("a length beyond all", LIST[:6] + b"\xff\xff" + LIST[8:]),
    ("a byte too many", LIST + b"\0"),
    ("another command in the body", LIST[:9] + b"\x01" + LIST[10:]),
    ("no array", LIST[:8] + b"\xc0" * (len(LIST) - 8)),
    ("a claim of 4 GiB", LIST[:6] + b"\x07\0" + b"\x92" + LIST[9:10] +
     b"\xdb\xff\xff\xff\xff"),
    ("16 KiB and one", LIST + bytes(16385 - len(LIST))),
    ("a megabyte less some", LIST + bytes(100_000)),
    ("a map", LIST[:6] + b"\x03\0" + b"\x81" + LIST[9:10] + b"\xa0"),
])
def test_malformed_requests(victim, name, data):
    assert verdict(victim, data) in ("malformed", "unknown-command"), name


def test_every_command_number(victim):
    for number in range(256):
        if number in wire.COMMANDS.values():
            continue
        data = b"DMC1" + struct.pack("<BBH", 1, number, 2) + \
            b"\x91" + bytes([number & 127])
        assert verdict(victim, data) == "unknown-command", number


def test_requests_cut_short_of_an_answer(victim):
    for data in (LIST, wire.request("status_net"), wire.request("status_dmd"),
                 wire.request("get", "a"), LIST[:4], b"x"):
        for _ in range(100):
            client(victim, data).close()
        for _ in range(20):
            with client(victim, data) as s:
                s.shutdown(socket.SHUT_RDWR)


def test_second_requests_are_not_read(victim):
    with client(victim, wire.request("status_net")) as s:
        with contextlib.suppress(OSError):
            for _ in range(50):
                s.send(wire.request("stop"))
        with contextlib.suppress(ConnectionError):
            while s.recv(65536):
                pass


# --- what is attached --------------------------------------------------------------

def test_descriptors_that_were_not_asked_for(victim):
    null = os.open("/dev/null", os.O_RDONLY)
    pipe = os.pipe()
    try:
        for request in (LIST, wire.request("status_dmd"),
                        wire.request("status_net"), wire.request("stop")):
            for fds in ([null], [null] * 2, [null] * 253, [pipe[0]]):
                assert verdict(victim, request, fds) == "malformed"
        # and with a header that is none: they never enter dmd
        for _ in range(50):
            assert verdict(victim, b"x" * 8, [null] * 253) == "malformed"
        with many_descriptors():
            held = [client(victim, b"x", [null] * 253) for _ in range(20)]
        for s in held:
            s.close()
    finally:
        for fd in (null, *pipe):
            os.close(fd)


def test_a_descriptor_of_the_socket_itself(victim):
    """A ring of sockets in flight is the kernel's to collect, not ours."""
    for _ in range(20):
        with client(victim) as a, client(victim) as b:
            socket.send_fds(a, [b"x"], [a.fileno(), b.fileno()])
            socket.send_fds(b, [b"x"], [a.fileno(), b.fileno()])


def uploads(node, content, size=None, seal=True, make=None):
    """An upload whose memory is not what it should be."""
    version = Version("a", content, SIGNER)
    if size is not None:
        version = Version("a", content, SIGNER, claim={"size": size})
    fd = make() if make else memfd(content, seal)
    try:
        return node.ask("upload", version.entry(), fds=[fd],
                        timeout=PATIENCE).verdict
    finally:
        os.close(fd)


def sparse(size, seals=15):
    fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, 1033, seals)
    return fd


def opened(path, flags=os.O_RDONLY):
    return lambda: os.open(path, flags)


def test_uploads_of_odd_memory(victim, tmp_path):
    (tmp_path / "file").write_bytes(b"bad!")
    malformed = [
        uploads(victim, b"bad!", seal=False),
        uploads(victim, b"bad!", make=opened(tmp_path / "file")),
        uploads(victim, b"bad!", make=opened("/dev/zero")),
        uploads(victim, b"bad!", make=opened("/proc/self/mem")),
        uploads(victim, b"bad!", make=opened("/", os.O_PATH)),
        uploads(victim, b"bad!", make=lambda: os.dup(socket.socket(
            socket.AF_UNIX).detach())),
        # each seal is needed: shrink 2, grow 4, write 8
        *(uploads(victim, b"\0", make=lambda s=s: sparse(1, s))
          for s in (2 | 4, 2 | 8, 4 | 8, 1)),
    ]
    assert set(malformed) == {"malformed"}, malformed
    assert uploads(victim, b"bad!", size=5) == "bad-content"
    assert uploads(victim, b"", make=lambda: sparse(1 << 40)) == \
        "bad-content"
    start = time.monotonic()
    assert uploads(victim, b"bad!", size=1 << 40,
                   make=lambda: sparse(1 << 40)) == "too-large"
    assert uploads(victim, b"bad!", size=(1 << 63) - 1,
                   make=lambda: sparse((1 << 63) - 1)) == "too-large"
    assert time.monotonic() - start < PATIENCE
    fd = sparse(4)
    try:
        answer = victim.ask("upload", Version("a", b"bad!", SIGNER).entry(),
                            fds=[fd])
        assert answer.verdict == "bad-content"
    finally:
        os.close(fd)


# --- clients that do not read -----------------------------------------------------------

def as_somebody(function):
    """Runs it in a process of a user who is only in the group; what it
    returns ends that process."""
    import grp
    import pwd
    nobody = pwd.getpwnam("nobody")
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([grp.getgrnam(GROUP).gr_gid])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            kept = function()
            os.write(ready[1], b"." if kept is not None else b"!")
            os.close(go[1])
            os.read(go[0], 1)
        finally:
            os._exit(0)
    assert os.read(ready[0], 1) == b"."
    for fd in (*ready, go[0]):
        os.close(fd)
    return pid, go[1]


@contextlib.contextmanager
def somebody(function):
    pid, go = as_somebody(function)
    try:
        yield pid
    finally:
        os.close(go)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def asked(node, command):
    with client(node, wire.request(command)) as s:
        s.settimeout(2)
        record = b""
        while not record.startswith(b"\x92\x01") and \
                not record.startswith(b"\x93\x01"):
            record = s.recv(65536)
        return wire.VERDICTS[wire.unpack(record)[1]]


@needs_root
@pytest.mark.parametrize("request_", [None, b"D", LIST])
def test_one_user_does_not_shut_others_out(victim, request_):
    """Dozens that say nothing, a part, or never read their answer; then even
    stopped."""
    def occupy():
        held = []
        for _ in range(100):
            with contextlib.suppress(OSError):
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.settimeout(1)
                s.connect(str(victim.socket))
                if request_ is not None:
                    s.send(request_)
                held.append(s)
        return held
    with somebody(occupy) as pid:
        os.kill(pid, signal.SIGSTOP)
        for _ in range(5):
            for part in ("status_dmd", "status_net", "status_store"):
                assert asked(victim, part) == "ok", part
        answer = victim.ask("list", "", timeout=5)
        assert (answer.verdict, len(answer.rows)) == ("ok", 401)


@needs_root
def test_clients_of_a_store_that_is_stopped(victim):
    """They wait for it, a bounded number of them; nothing else suffers."""
    pid, held = victim.pid("dm_store"), []
    os.kill(pid, signal.SIGSTOP)
    with many_descriptors():
        try:
            for _ in range(6000):
                held.append(client(victim, LIST))
            parent = pathlib.Path(f"/proc/{victim.process.pid}/fd")
            assert len(list(parent.iterdir())) < 300
            assert victim.ask("status_dmd", timeout=2).verdict == "ok"
            assert victim.ask("status_net", timeout=2).verdict == "ok"
        finally:
            os.kill(pid, signal.SIGCONT)
            for s in held:
                s.close()
    eventually(lambda: victim.ask("status_store").verdict == "ok")


# --- the sandbox, as the kernel has it -------------------------------------------------

def kernel_status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":", 1) for line in text.splitlines())


@needs_proc
@pytest.mark.skipif(IS_ASAN, reason="sanitizers need more")
@pytest.mark.parametrize("child", CHILDREN)
def test_status_says_what_the_kernel_has(victim, child):
    """Each layer that dmctl status names is in force, by the kernel's word,
    and the process holds nothing that it has no use for."""
    pid = victim.pid(child)
    layers = set(victim.status()[f"{child}_sandbox"][0].split())
    kernel = {k: v.strip() for k, v in kernel_status(pid).items()}
    limits = {line[:25].strip(): line[26:].split()[:2] for line in
              pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()}
    root = os.readlink(f"/proc/{pid}/root")
    caps = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    assert ("seccomp" in layers) == (kernel["Seccomp"] == "2")
    assert int(kernel["Seccomp_filters"]) >= 2  # dmd's own lies below it
    assert ("no-new-privs" in layers) == (kernel["NoNewPrivs"] == "1")
    assert ("capabilities" in layers) == all(
        int(kernel[c], 16) == 0 for c in caps)
    assert ("chroot" in layers) == (root != "/")
    assert ("user" in layers) == ("0" not in kernel["Uid"].split())
    assert ("rlimits" in layers) == (
        limits["Max core file size"] == ["0", "0"] and
        limits["Max processes"] == ["0", "0"] and
        limits["Max data size"][0] != "unlimited")
    assert {"seccomp", "no-new-privs", "capabilities", "user",
            "rlimits"} <= layers
    assert ("chroot" in layers) == (child != "resolver")
    names = {v.split(b"=")[0] for v in pathlib.Path(
        f"/proc/{pid}/environ").read_bytes().split(b"\0") if v}
    assert names <= {b"DMD_UID", b"DMD_GID", b"DMD_ROOT", b"DMD_LOG",
                     b"DMD_STATE_DIR", b"DMD_PARENT"}


@needs_proc
@pytest.mark.parametrize("child", CHILDREN)
def test_descriptors_of_the_children(victim, child):
    allowed = [r"/dev/null", r"socket:\[\d+\]", r"anon_inode:\[event.*\]",
               r"pipe:\[\d+\]", re.escape(str(victim.log_path))]
    if child == "dm_store":
        allowed += [r"anon_inode:inotify"]
        allowed += [re.escape(str(victim.state / d)) + r"(/.*)?"
                    for d in ("files", "index", "quarantine")]
    if child == "dm_net":
        # what it sends to clients: read-only, immutable
        allowed += [re.escape(str(victim.state / "files")) + r"/.*"]
    folder = pathlib.Path(f"/proc/{victim.pid(child)}")
    for path in (folder / "fd").iterdir():
        target = os.readlink(path).removesuffix(" (deleted)")
        assert any(re.fullmatch(a, target) for a in allowed), target
        if target.startswith(str(victim.state)) and child == "dm_net":
            info = (folder / "fdinfo" / path.name).read_text()
            flags = int(re.search(r"flags:\s+(\d+)", info).group(1), 8)
            assert flags & os.O_ACCMODE == os.O_RDONLY


# --- towards dmctl ---------------------------------------------------------------------

class Pretender:
    """Answers on a control socket with what it is told to."""

    def __init__(self, path, records):
        self.records = records
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.listener.accept()
                with s, contextlib.suppress(OSError):
                    s.recv(65536)
                    for data, fds in self.records:
                        socket.send_fds(s, [data], fds)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def dmctl(tmp_path, records, *arguments, timeout=PATIENCE):
    path = tmp_path / "pretender.sock"
    pretender = Pretender(path, records)
    try:
        return subprocess.run(
            [BUILD / "dmctl", *map(str, arguments), "--socket", path],
            capture_output=True, timeout=timeout,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (64 << 20, 64 << 20)))
    finally:
        pretender.close()
        path.unlink()


def row(kind, *fields):
    return wire.pack([0, [wire.ROWS.index(kind), *fields]])


END = wire.pack([1, 0, "ok"])


def test_content_that_never_ends(tmp_path):
    version = Version("a", b"good", SIGNER)
    pipe = os.pipe()
    good = memfd(b"good")
    cases = [("file", good, 0)] + [(name, fd, None) for name, fd in (
        ("zeros", os.open("/dev/zero", os.O_RDONLY)),
        ("directory", os.open("/", os.O_RDONLY)),
        ("path only", os.open("/", os.O_PATH)),
        ("pipe", pipe[0]), ("longer", memfd(b"goodgood")),
        ("shorter", memfd(b"goo")), ("other", memfd(b"evil")),
        ("sparse", sparse(1 << 40)))]
    for name, fd, code in cases:
        out = dmctl(tmp_path, [(row("content", version.entry()), [fd]),
                               (END, [])],
                    "get", "a", "-o", tmp_path / "out")
        if code == 0:
            assert out.returncode == 0, (name, out)
            assert (tmp_path / "out").read_bytes() == b"good"
            (tmp_path / "out").unlink()
        else:
            assert out.returncode not in (0, None) and \
                out.returncode > 0, (name, out)
        assert os.listdir(tmp_path) == [], name
        os.close(fd)
    os.close(pipe[1])


EVIL = "\x1b]0;owned\x07\x1b[2J\r\nroot\x7f\x9b31m"


@pytest.mark.parametrize("arguments", [
    ("status",), ("status", "--json"), ("peers",), ("peers", "--json"),
    ("list",), ("list", "--json"), ("peers", "--no-header")])
def test_nothing_reaches_the_terminal(tmp_path, arguments):
    """Control characters in texts of a daemon, or of its peers."""
    fields = {"peer": [], "value": [EVIL[:30], 0, 0, EVIL]}
    text = (wire.ROOT / "common" / "control.def").read_text()
    block = re.search(r"^ROW\(peer,.*?ROW_END", text, re.M | re.S).group(0)
    for kind, rest in re.findall(r"F_(\w+)\(peer, (.*?)\)", block):
        fields["peer"].append(
            EVIL if kind == "TEXT" else False if kind == "BOOL" else
            1 if kind == "U64" else
            bytes(int(rest.split(",")[1]) if rest.split(",")[1].strip()
                  .isdigit() else 32))
    records = [(row("value", *fields["value"]), []),
               (row("peer", *fields["peer"]), []),
               (wire.pack([1, 0, EVIL]), [])]
    out = dmctl(tmp_path, records, *arguments)
    for stream in (out.stdout, out.stderr):
        assert all(c == 0x0a or 0x20 <= c < 0x7f or c == 0x09
                   for c in stream), stream


def test_answers_of_the_wrong_form(tmp_path):
    for data in (b"", b"\xc1", b"\x92\x00", b"\x92\x00\x91\xcc\xff",
                 b"\x93\x01\xcc\xff\xa0", bytes(60_000),
                 b"\x92\x00\xdd\xff\xff\xff\xff"):
        for command in (("status",), ("list",), ("get", "a"), ("peers",)):
            out = dmctl(tmp_path, [(data, [])] if data else [], *command)
            assert out.returncode > 0, (data, command, out)
