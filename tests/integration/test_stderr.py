# SPDX-License-Identifier: ISC
"""Whoever reads the log, or stands still while reading it, stops nobody."""
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
import tty

import pytest

from conftest import BUILD, PATIENCE, eventually


def pipe():
    reader, writer = os.pipe()
    return reader, writer


def journal():
    """A stream socket, as the journal's."""
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


def terminal():
    master, slave = os.openpty()
    tty.setraw(slave)
    return master, slave


def fill(writer):
    """Until no room is left, nor comes by itself: a terminal moves what it was
    given on a little later. The open file is as it was before."""
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    while select.select([], [writer], [], 0.5)[1]:
        for size in (65536, 1):
            with contextlib.suppress(BlockingIOError):
                while os.write(writer, b"." * size) > 0:
                    pass
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    return flags


class Reader(threading.Thread):
    """Reads at last."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd, self.data = fd, b""
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while piece := os.read(self.fd, 65536):
                self.data += piece

    def text(self):
        return self.data.lstrip(b".").decode(errors="replace")

    def wait(self, pattern):
        try:
            return eventually(lambda: re.search(pattern, self.text(), re.M))
        except AssertionError:
            raise AssertionError(
                f"{pattern!r} is not in the log:\n{self.text()}") from None


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=path,
                   check=True, capture_output=True)
    (path / "a.txt").write_bytes(b"hello\n")
    return path


def spawn(node, stderr):
    node.write_config()
    node.process = subprocess.Popen(
        node.command("-d"), stdin=subprocess.DEVNULL, stdout=stderr,
        stderr=stderr, env=node.environment(), start_new_session=True)


@pytest.mark.parametrize("kind", [pipe, journal, terminal])
def test_a_reader_of_the_log_that_stands_still(make_node, home, kind):
    """Nothing waits for it, and it learns how many lines it missed."""
    node = make_node(files={"a.txt": [(home / "key.pub").read_text().strip()]})
    reader, writer = kind()
    flags = fill(writer)
    spawn(node, writer)
    node.wait_ready()

    def dmctl(*arguments):
        subprocess.run(
            [BUILD / "dmctl", "-s", node.socket, *arguments], cwd=home,
            check=True, capture_output=True, timeout=PATIENCE)

    dmctl("upload", "a.txt", "--key", "key.priv")
    dmctl("upload", "a.txt", "--key", "key.priv", "--url", node.url(""))
    dmctl("status")
    for _ in range(20):
        dmctl("reload")
    # the open file is shared with others, who did not ask for this
    assert fcntl.fcntl(writer, fcntl.F_GETFL) == flags
    log = Reader(reader)
    # each process says it, without anything else to say
    for tag in (r"dmd", r"dmd\[net\]", r"dmd\[store\]"):
        log.wait(rf"{tag}: warn: \d+ lines? (was|were) dropped here")
    missed = log.wait(r"dmd: warn: (\d+) lines were dropped")[1]
    assert int(missed) >= 20
    assert fcntl.fcntl(writer, fcntl.F_GETFL) == flags
    dmctl("reload")
    log.wait(r"^.*dmd: info: reloaded: nothing changed")
    assert node.stop() == 0
    os.close(writer)
    os.close(reader)


def test_the_end_waits_for_no_reader(make_node):
    """SIGTERM is obeyed although there is no room for the last lines."""
    node = make_node()
    reader, writer = pipe()
    fill(writer)
    spawn(node, writer)
    node.wait_ready()
    assert node.stop() == 0
    os.close(writer)
    os.close(reader)


def test_a_service_manager_that_stands_still(make_node, tmp_path):
    """READY=1 is not lost because there was no room for it."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(PATIENCE)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.connect(path)
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.send(b"STATUS=of another service")
        node = make_node().start(env={"NOTIFY_SOCKET": path})
        seen = []
        end = time.monotonic() + PATIENCE
        while "STATUS=serving" not in seen and time.monotonic() < end:
            seen += manager.recv(4096).decode().splitlines()
        assert "READY=1" in seen
        node.process.send_signal(signal.SIGHUP)
        seen = []
        while "READY=1" not in seen:
            seen += manager.recv(4096).decode().splitlines()
        assert "RELOADING=1" in seen
        assert node.stop() == 0
