# SPDX-License-Identifier: ISC
"""A disk as a network block device on a Unix socket: the fixed newstyle
handshake and simple replies of the NBD protocol, as far as qemu needs them. One
machine at a time, in a process of its own."""

import multiprocessing
import random
import select
import socket
import struct
import time

OPTION, REPLY = 0x49484156454F5054, 0x3E889045565A9
REQUEST, ANSWER = 0x25609513, 0x67446698
OPT_ABORT, OPT_INFO, OPT_GO = 2, 6, 7
REP_ACK, REP_INFO, REP_UNSUPPORTED = 1, 3, 0x80000001
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FLAG_FUA = 1
EINVAL = 22
#: what a flush, or a write with FUA, takes; until then a cut can take it all
SYNC_S = (0.001, 0.04)
LENGTH_MAX = 32 << 20
OPTION_MAX = 4096
PATIENCE_S = 60
BLOWN = -1
#: has flags, flush, FUA
EXPORT_FLAGS = 1 | 4 | 8


class Gone(Exception):
    """The machine ended, or speaks something else."""


class Connection:
    """fuse: a shared number. Above 0 it counts writes down; with the last one
    the power goes: nothing is answered any more."""

    def __init__(self, sock, disk, fuse):
        self.sock, self.disk, self.fuse = sock, disk, fuse
        self.waiting = []   # [(when, cookie, what is to be done before)]

    def take(self, length):
        parts = []
        while length:
            part = self.sock.recv(min(length, 1 << 20))
            if not part:
                raise Gone
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    # --- handshake ----

    def greet(self):
        self.sock.sendall(b"NBDMAGIC" + struct.pack(">QH", OPTION, 3))
        self.take(4)
        while True:
            magic, option, length = struct.unpack(">QII", self.take(16))
            if magic != OPTION or length > OPTION_MAX:
                raise Gone
            self.take(length)
            if option in (OPT_INFO, OPT_GO):
                self.describe(option)
                if option == OPT_GO:
                    return
            elif option == OPT_ABORT:
                self.reply(option, REP_ACK)
                raise Gone
            else:
                self.reply(option, REP_UNSUPPORTED)

    def describe(self, option):
        self.reply(option, REP_INFO,
                   struct.pack(">HQH", 0, self.disk.size, EXPORT_FLAGS))
        self.reply(option, REP_INFO, struct.pack(
            ">HIII", 3, self.disk.sector, 4096, LENGTH_MAX))
        self.reply(option, REP_ACK)

    def reply(self, option, kind, data=b""):
        self.sock.sendall(
            struct.pack(">QIII", REPLY, option, kind, len(data)) + data)

    # --- requests ----

    def serve(self):
        while True:
            self.wait()
            magic, flags, kind, cookie, offset, length = struct.unpack(
                ">IHHQQI", self.take(28))
            if magic != REQUEST or length > LENGTH_MAX or kind == DISCONNECT:
                raise Gone
            data = self.take(length) if kind == WRITE else b""
            if offset + length > self.disk.size:
                self.answer(cookie, EINVAL)
            else:
                self.act(kind, flags, cookie, (offset, length, data))

    def wait(self):
        """Until a request comes; ends what is due meanwhile."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0 and select.select([self.sock], [], [], left)[0]:
                return
            _, cookie, finish = self.waiting.pop(0)
            finish()
            self.answer(cookie)

    def act(self, kind, flags, cookie, request):
        offset, length, data = request
        if kind == READ:
            self.answer(cookie, data=self.disk.read(offset, length))
        elif kind == WRITE:
            number = self.disk.write(offset, data)
            self.burn()
            if flags & FLAG_FUA:
                self.later(cookie, lambda: self.disk.force(number))
            else:
                self.answer(cookie)
        elif kind == FLUSH:
            number = self.disk.number
            self.later(cookie, lambda: self.disk.flush(number))
        else:
            self.answer(cookie, EINVAL)

    def burn(self):
        if self.fuse.value > 0:
            self.fuse.value -= 1
            if self.fuse.value == 0:
                self.fuse.value = BLOWN
                raise Gone

    def later(self, cookie, finish):
        when = time.monotonic() + random.uniform(*SYNC_S)
        self.waiting.append((when, cookie, finish))
        self.waiting.sort(key=lambda row: row[0])

    def answer(self, cookie, error=0, data=b""):
        self.sock.sendall(struct.pack(">IIQ", ANSWER, error, cookie) + data)


def serve(listener, disk, fuse, pipe):
    """One machine, until the pipe says that it has ended, maybe before it
    came."""
    if listener not in select.select([listener, pipe], [], [])[0]:
        pipe.recv()
        return
    with listener.accept()[0] as sock:
        connection = Connection(sock, disk, fuse)
        try:
            connection.greet()
            connection.serve()
        except (Gone, OSError):
            pipe.recv()


def _run(path, disk, seed, fuse, pipe):
    rng = random.Random(seed)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        pipe.send("ready")
        while True:
            order, argument = pipe.recv()
            if order == "serve":
                serve(listener, disk, fuse, pipe)
                pipe.send(None)
            elif order == "cut":
                pipe.send(disk.cut(rng))
            else:
                pipe.send(disk.save(argument))


class Server:
    """The disk in a process of its own; the seed decides what cuts leave."""

    def __init__(self, path, disk, seed):
        context = multiprocessing.get_context("fork")
        self.fuse = context.Value("i", 0)
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = context.Process(
            target=_run, args=(path, disk, seed, self.fuse, theirs),
            daemon=True)
        self.process.start()
        self.pipe.recv()

    def order(self, what, argument=None):
        self.pipe.send((what, argument))
        if not self.pipe.poll(PATIENCE_S):
            raise RuntimeError(f"the disk does not answer: {what}")
        return self.pipe.recv()

    def begin(self):
        """A machine may connect now."""
        self.fuse.value = 0
        self.pipe.send(("serve", None))

    def end(self):
        """It was killed; all that it had sent has been taken."""
        self.order("end")

    def wait(self, seconds, writes):
        """So long, or until so many writes have come if that is not 0: then
        the disk stands still, as if the power had gone with the last one."""
        self.fuse.value = writes
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.fuse.value != BLOWN:
            time.sleep(0.002)

    def close(self):
        self.process.kill()
        self.process.join()
