# SPDX-License-Identifier: ISC
"""The disk that loses its power: what a flush and FUA promise holds, what they
do not promise is lost, torn and reordered by some cut, and a lying disk keeps
no promise. Then the same through its network protocol."""

import pathlib
import random
import socket
import struct
import sys
import threading

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import nbd  # noqa: E402
from disk import Disk  # noqa: E402

SECTOR, SEEDS = 512, range(200)
A, B = b"a" * SECTOR, b"b" * SECTOR


def cut(disk, seed):
    """What the first four sectors show when the power is back."""
    disk.cut(random.Random(seed))
    assert disk.kept[:] == disk.shown[:]
    return [disk.read(i * SECTOR, SECTOR)[:1] for i in range(4)]


def outcomes(prepare, **kind):
    out = set()
    for seed in SEEDS:
        disk = Disk(4 * SECTOR, SECTOR, **kind)
        prepare(disk)
        out.add(b"".join(cut(disk, seed)))
    return out


def test_what_was_written_is_read():
    disk = Disk(4 * SECTOR)
    disk.write(SECTOR, A)
    assert disk.read(0, 3 * SECTOR) == bytes(SECTOR) + A + bytes(SECTOR)


def test_flushed_is_kept():
    def prepare(disk):
        disk.write(0, A + A)
        disk.write(SECTOR, B)
        disk.flush()
    assert outcomes(prepare) == {b"ab\0\0"}


def test_not_flushed_is_kept_lost_torn_and_reordered():
    def prepare(disk):
        disk.write(0, A + A)
        disk.write(2 * SECTOR, B)
    out = outcomes(prepare)
    assert {b"\0\0\0\0", b"aab\0", b"aa\0\0", b"\0\0b\0"} <= out
    assert {b"a\0\0\0", b"\0a\0\0", b"\0ab\0"} <= out


def test_after_the_cut_nothing_is_in_the_cache():
    disk = Disk(4 * SECTOR)
    disk.write(0, A)
    first = cut(disk, 1)
    disk.write(SECTOR, B)
    disk.flush()
    assert cut(disk, 2) == [first[0], b"b", b"\0", b"\0"]


def test_a_flush_covers_only_what_was_before():
    def prepare(disk):
        number = disk.write(0, A)
        disk.write(SECTOR, B)
        disk.flush(number)
    assert outcomes(prepare) == {b"a\0\0\0", b"ab\0\0"}


def test_forced_is_kept_and_nothing_else():
    def prepare(disk):
        disk.write(SECTOR, A)
        disk.force(disk.write(0, B))
    assert outcomes(prepare) == {b"b\0\0\0", b"ba\0\0"}


def test_an_older_write_does_not_replace_a_forced_one():
    def prepare(disk):
        disk.write(0, A + A)
        disk.force(disk.write(0, B))
        disk.flush()
    assert outcomes(prepare) == {b"ba\0\0"}


def test_a_write_is_torn_only_between_sectors():
    def prepare(disk):
        disk.write(0, A * 4)
    out = set()
    for seed in SEEDS:
        disk = Disk(4 * SECTOR, 2 * SECTOR)
        prepare(disk)
        out.add(b"".join(cut(disk, seed)))
    assert out == {b"\0\0\0\0", b"aa\0\0", b"\0\0aa", b"aaaa"}


def test_a_lying_disk_keeps_no_promise():
    def prepare(disk):
        disk.force(disk.write(0, A))
        disk.write(SECTOR, B)
        disk.flush()
    out = outcomes(prepare, is_lying=True)
    assert b"\0\0\0\0" in out and b"\0b\0\0" in out


def test_the_image_of_the_last_start_is_saved(tmp_path):
    disk = Disk(4 * SECTOR)
    disk.write(0, A)
    disk.flush()
    disk.cut(random.Random(1))
    disk.write(0, B + B)
    disk.flush()
    disk.save(tmp_path / "image")
    assert (tmp_path / "image").read_bytes() == A + bytes(3 * SECTOR)


def test_an_image_is_loaded(tmp_path):
    content = bytes(SECTOR) + A + B + bytes(SECTOR)
    (tmp_path / "image").write_bytes(content)
    disk = Disk(4 * SECTOR)
    disk.load(tmp_path / "image")
    assert disk.read(0, 4 * SECTOR) == content
    assert cut(disk, 1) == [b"\0", b"a", b"b", b"\0"]


# --- the protocol ----

class Fuse:
    value = 0


class Client:
    """As qemu speaks it."""

    def __init__(self, disk):
        self.sock, theirs = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, args=[theirs, disk])
        self.thread.start()

    @staticmethod
    def serve(sock, disk):
        connection = nbd.Connection(sock, disk, Fuse)
        with sock, pytest.raises((nbd.Gone, OSError)):
            connection.greet()
            connection.serve()

    def take(self, length):
        data = b""
        while len(data) < length:
            part = self.sock.recv(length - len(data))
            assert part
            data += part
        return data

    def greet(self):
        """The export's size and flags."""
        assert self.take(16) == b"NBDMAGICIHAVEOPT"
        assert self.take(2) == b"\0\3"
        self.sock.sendall(struct.pack(">IQIIIH", 3, nbd.OPTION, nbd.OPT_GO, 6,
                                      0, 0))
        export = None
        while True:
            magic, option, kind, length = struct.unpack(
                ">QIII", self.take(20))
            assert (magic, option) == (nbd.REPLY, nbd.OPT_GO)
            data = self.take(length)
            if kind == nbd.REP_ACK:
                return export
            if data[:2] == b"\0\0":
                export = struct.unpack(">QH", data[2:])

    def send(self, kind, offset=0, length=0, data=b"", flags=0, cookie=7):
        self.sock.sendall(struct.pack(
            ">IHHQQI", nbd.REQUEST, flags, kind, cookie, offset,
            length or len(data)) + data)

    def ask(self, *request, length=0, **more):
        self.send(*request, length=length, **more)
        magic, error, cookie = struct.unpack(">IIQ", self.take(16))
        assert (magic, cookie) == (nbd.ANSWER, 7)
        return error, self.take(length if error == 0 else 0)

    def close(self):
        self.sock.close()
        self.thread.join()


@pytest.fixture
def disk():
    return Disk(4 * SECTOR)


@pytest.fixture
def client(disk):
    client = Client(disk)
    yield client
    client.close()


def test_export(client):
    size, flags = client.greet()
    assert size == 4 * SECTOR
    assert flags & 4 and flags & 8      # flush and FUA are offered


def test_requests(client, disk):
    client.greet()
    assert client.ask(nbd.WRITE, 0, data=A) == (0, b"")
    assert client.ask(nbd.READ, 0, length=SECTOR) == (0, A)
    assert disk.kept[:1] == b"\0"
    assert client.ask(nbd.FLUSH) == (0, b"")
    assert disk.kept[:1] == b"a"
    assert client.ask(nbd.WRITE, SECTOR, data=B, flags=nbd.FLAG_FUA)[0] == 0
    assert disk.kept[SECTOR:SECTOR + 1] == b"b"


def test_a_cut_before_the_answer_to_a_flush(client, disk, monkeypatch):
    monkeypatch.setattr(nbd, "SYNC_S", (60, 60))
    client.greet()
    assert client.ask(nbd.WRITE, 0, data=A) == (0, b"")
    client.send(nbd.FLUSH)
    assert client.ask(nbd.READ, 0, length=SECTOR) == (0, A)
    client.close()
    assert disk.kept[:1] == b"\0" and len(disk.cache) == 1


def test_power_goes_with_a_certain_write(client, disk, monkeypatch):
    monkeypatch.setattr(Fuse, "value", 2)
    client.greet()
    assert client.ask(nbd.WRITE, 0, data=A) == (0, b"")
    client.send(nbd.WRITE, SECTOR, data=B)
    client.thread.join()
    assert Fuse.value == nbd.BLOWN
    assert len(disk.cache) == 2 and disk.kept[:1] == b"\0"


@pytest.mark.parametrize("request_", [
    (nbd.READ, 4 * SECTOR, 1), (nbd.READ, 2**64 - 1, 1), (9, 0, 0)])
def test_refused(client, request_):
    client.greet()
    kind, offset, length = request_
    client.send(kind, offset, length)
    assert struct.unpack(">IIQ", client.take(16))[1] == nbd.EINVAL


def test_a_request_that_is_too_long_ends_it(client):
    client.greet()
    client.send(nbd.WRITE, 0, nbd.LENGTH_MAX + 1)
    assert client.sock.recv(1) == b""


def test_a_machine_that_ends_before_it_connects(tmp_path):
    server = nbd.Server(tmp_path / "disk", Disk(4 * SECTOR), 1)
    try:
        server.begin()
        server.end()
        server.begin()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(tmp_path / "disk"))
            assert sock.recv(8) == b"NBDMAGIC"
        server.end()
        assert server.order("cut") == {"kept": 0, "torn": 0, "lost": 0}
    finally:
        server.close()
