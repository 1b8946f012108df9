# SPDX-License-Identifier: ISC
"""dmctl against servers, daemons and agents that are slow, endless or hung:
--timeout ends the whole command, and what is taken is bounded."""
import base64
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build")).resolve()
DMCTL = BUILD / "dmctl"
PATIENCE = 60       # of a machine that is busy; never what is measured
LIMIT = 1           # --timeout


class Peer:
    """Runs talk(connection) for each connection, until the test ends."""

    def __init__(self, listener, talk):
        self.listener, self.talk = listener, talk
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,),
                             daemon=True).start()

    def serve(self, connection):
        try:
            self.talk(connection)
        except OSError:
            pass

    def close(self):
        for one in (self.listener, *self.connections):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()


@pytest.fixture
def peer():
    peers = []

    def start(listener, talk):
        peers.append(Peer(listener, talk))
        return peers[-1]
    yield start
    for one in peers:
        one.close()


@pytest.fixture
def web(peer):
    """An HTTP server that sends the head, then what more() yields."""
    def start(head, more=lambda: iter(())):
        listener = socket.create_server(("127.0.0.1", 0))

        def talk(connection):
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            connection.sendall(head)
            for piece in more():
                connection.sendall(piece)
        peer(listener, talk)
        return "http://127.0.0.1:%d" % listener.getsockname()[1]
    return start


def trickle():
    """A byte before each time-out that a byte would renew."""
    while True:
        time.sleep(0.2)
        yield b"x"


def flood():
    while True:
        yield bytes(65536)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"hello\n")
    subprocess.run([DMCTL, "generate", "keypair"], cwd=tmp_path, check=True,
                   capture_output=True)

    def call(*arguments, code, env=None):
        """Returns stderr, and checks that --timeout was kept."""
        started = time.monotonic()
        out = subprocess.run(
            [DMCTL, *map(str, arguments)], cwd=tmp_path, capture_output=True,
            text=True, timeout=PATIENCE,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path),
                 **(env or {})})
        assert out.returncode == code, out
        if "--timeout" in arguments:
            assert time.monotonic() - started < PATIENCE / 2
        return out.stderr
    return call


def signed(size):
    """The head of a file of this size, as dmd writes it."""
    return ("HTTP/1.1 200 OK\r\nX-Signedat: 1700000000.000000000\r\n"
            f"X-Signedby: {base64.b64encode(bytes(32)).decode()}\r\n"
            f"X-Signature: {base64.b64encode(bytes(64)).decode()}\r\n"
            f"X-Validfor: 0\r\nX-Sha256: {'0' * 64}\r\n"
            f"Content-Length: {size}\r\n\r\n").encode()


TIMEOUT = ("--timeout", f"{LIMIT}s")
GET = ("get", "a.txt", "-o", "out", "--url")
UPLOAD = ("upload", "a.txt", "--key", "key.priv", "--network", "-", "--url")


def left_over(tmp_path):
    return [p.name for p in tmp_path.iterdir() if p.name.startswith("out")]


# --- HTTP ---------------------------------------------------------------------

@pytest.mark.parametrize("head", [
    b"", b"HTTP/1.1 200 OK\r\nX: ", signed(1 << 20),
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n",
], ids=["nothing", "head", "body", "refusal"])
def test_a_byte_renews_no_deadline(run, web, tmp_path, head):
    url = web(head, trickle)
    assert re.search("does not answer|did not end in time",
                     run(*GET, url, *TIMEOUT, code=69))
    assert left_over(tmp_path) == []
    assert re.search("does not answer|did not end in time",
                     run(*UPLOAD, url, *TIMEOUT, code=69))
    assert re.search("does not answer|did not end in time", run(
        "upload", "a.txt", "--key", "key.priv", "--url", url, *TIMEOUT,
        code=69))


def test_a_server_that_takes_a_byte_at_a_time(run, peer, tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(16 << 20))
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(connection):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while connection.recv(1):
            time.sleep(0.05)
    peer(listener, talk)
    assert "does not answer" in run(
        *UPLOAD, "http://127.0.0.1:%d" % listener.getsockname()[1], *TIMEOUT,
        code=69)


@pytest.mark.parametrize("head, code, words", [
    (b"HTTP/1.1 200 OK\r\n\r\n", 76, "no signature"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     b"fffffffffff\r\n", 76, "no signature"),
    (signed(1 << 50), 65, "1G"),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", 76, "is longer than 64K"),
], ids=["no length", "chunk", "signed", "refusal"])
def test_an_endless_body_is_not_taken(run, web, tmp_path, head, code, words):
    assert words in run(*GET, web(head, flood), code=code)
    assert left_over(tmp_path) == []


def test_the_limit_of_the_configuration(run, web, tmp_path):
    (tmp_path / "dm.toml").write_text('[limits]\nmax_file_size = "1M"\n')
    assert "1M" in run(*GET, web(signed((1 << 20) + 1), flood), "-f",
                       "dm.toml", code=65)
    assert "does not match its signed hash" in run(
        *GET, web(signed(1 << 20), lambda: [bytes(1 << 20)]), "-f", "dm.toml",
        code=65)
    assert left_over(tmp_path) == []


def test_endless_answers_to_an_upload(run, web):
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"
    assert "does not speak HTTP" in run(
        *UPLOAD, web(interim, lambda: iter(lambda: interim, None)), code=76)
    assert "is longer than 64K" in run(
        *UPLOAD, web(b"HTTP/1.1 200 OK\r\n\r\n", flood), code=76)


def test_a_command_that_is_ended_leaves_no_part(web, tmp_path):
    url = web(signed(1 << 20), trickle)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with subprocess.Popen([DMCTL, *GET, url], cwd=tmp_path,
                              stderr=subprocess.DEVNULL) as get:
            deadline = time.monotonic() + PATIENCE
            while left_over(tmp_path) == []:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            get.send_signal(number)
            assert get.wait(timeout=PATIENCE) == -number
        assert left_over(tmp_path) == []


def test_a_full_disk_is_named(web, tmp_path):
    url = web(signed(1 << 20), lambda: [bytes(1 << 20)])
    out = subprocess.run(
        ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", DMCTL, *GET, url],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert out.returncode == 74 and "out: File too large" in out.stderr, out
    assert left_over(tmp_path) == []


def test_a_name_server_that_does_not_answer(tmp_path):
    """In a mount namespace with its own resolv.conf."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind(("127.0.0.5", 53))
    except OSError as e:
        pytest.skip(f"port 53: {e}")
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.5\n"
                                          "options timeout:20 attempts:3\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    script = (f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && "
              f"mount --bind {tmp_path}/nsswitch.conf /etc/nsswitch.conf && "
              'exec "$@"')
    with udp:
        if subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", "true"],
                          capture_output=True).returncode != 0:
            pytest.skip("no mount namespace")
        started = time.monotonic()
        out = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", DMCTL, "get", "a",
             "--url", "http://mesh.example:1", *TIMEOUT],
            capture_output=True, text=True, timeout=PATIENCE)
        assert time.monotonic() - started < 15
    assert out.returncode == 69 and "no name server answered" in out.stderr, out


# --- ssh-agent ----------------------------------------------------------------

@pytest.mark.parametrize("talk", [
    lambda c: c.recv(1000) and time.sleep(PATIENCE),
    lambda c: [c.sendall(b"\0") or time.sleep(0.2) for _ in range(1000)],
    lambda c: [c.sendall(b"\0\0\x10\0") if i == 0 else
               c.sendall(b"\x0c") or time.sleep(0.2) for i in range(1000)],
], ids=["silent", "zeros", "trickles"])
def test_an_agent_that_hangs(run, peer, tmp_path, talk):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "agent"))
    listener.listen(5)
    peer(listener, talk)
    env = {"SSH_AUTH_SOCK": str(tmp_path / "agent")}
    assert re.search("ssh-agent does not answer|is no ssh-agent", run(
        "sign", "a.txt", "--network", "-", "--agent", *TIMEOUT, code=69,
        env=env))


def test_an_agent_with_a_full_backlog(run, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "agent"))
        listener.listen(0)
        waiting = []
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            if waiting[-1].connect_ex(str(tmp_path / "agent")) != 0:
                break
        assert "ssh-agent does not answer" in run(
            "sign", "a.txt", "--network", "-", "--key", "key.pub", *TIMEOUT,
            code=69, env={"SSH_AUTH_SOCK": str(tmp_path / "agent")})
        for one in waiting:
            one.close()


# --- the control socket -------------------------------------------------------

# [0, [value, key, kind of text, number, text]], see control.def
ROW = b"\x92\x00\x95\x00\xa1k\x00\x00\xa1v"


@pytest.fixture
def daemon(peer, tmp_path):
    def start(talk):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(tmp_path / "control"))
        listener.listen(5)
        peer(listener, talk)
        return "-s", "control"
    return start


@pytest.mark.parametrize("words", [
    ["list"], ["peers"], ["id"], ["why", "a.txt"], ["rejects"], ["reload"],
    ["show", "a.txt"], ["get", "a.txt"], ["forget", "a.txt"],
    ["delete", "a.txt", "--key", "key.priv"],
    ["upload", "a.txt", "--key", "key.priv", "--network", "-"]])
def test_a_row_renews_no_deadline(run, daemon, words):
    def talk(connection):
        connection.recv(65536)
        while True:
            connection.send(ROW)
            time.sleep(0.2)
    code = 75 if words[0] == "upload" else 69
    assert "does not answer" in run(*words, *daemon(talk), *TIMEOUT, code=code)


def test_a_daemon_that_floods(run, daemon):
    def talk(connection):
        connection.recv(65536)
        while True:
            connection.send(ROW)
    assert "does not answer" in run("id", *daemon(talk), *TIMEOUT, code=69)
