# SPDX-License-Identifier: ISC
"""The figures of dm-store: durable uploads, a peer's many files, one large
file, starts with many files, each beside what the disk and the processor
could do at best, measured in turns with it."""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
LOAD = BUILD / "tests/bench/load"
BARE = BUILD / "tests/bench/store_load"

FIGURES = ["store_single", "store_group", "store_10k", "store_1g",
           "store_verify", "store_start_100k_ms", "store_start_1m_ms",
           "store_flat"]
GIB = 1 << 30
FILES = {f"{kind}{i}/*" for kind in "uf" for i in range(16)}


def hurry():
    """Before the program is executed: ahead of everything else."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


@contextlib.contextmanager
def hurrying():
    """Who looks when something begins must not be late."""
    hurry()
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def numbers(*command):
    out = subprocess.run(list(map(str, command)), check=True,
                         capture_output=True, text=True, timeout=600,
                         preexec_fn=hurry).stdout
    return [float(x) for x in out.split()]


def verify_rate():
    return numbers(BARE, "verify", 5000)[0]


def openssl_rate():
    out = subprocess.run(["openssl", "speed", "-seconds", "1", "ed25519"],
                         check=True, capture_output=True, text=True,
                         preexec_fn=hurry).stdout
    return float(out.split()[-1])


def anonymous_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^RssAnon:\s+(\d+)", f.read(), re.M).group(1))


class Peak:
    """The most anonymous memory of a process, every 20 ms."""

    def __init__(self, pid):
        self.pid, self.kib = pid, 0

    def look(self):
        self.kib = max(self.kib, anonymous_kib(self.pid))


class Figures:
    """node: the class of bench.py; top: a directory of its own."""

    def __init__(self, node, top):
        self.node, self.top, self.n = node, pathlib.Path(top), 0
        subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=top,
                       check=True, capture_output=True)
        self.key = self.top / "key.priv"
        self.public = (self.top / "key.pub").read_text().strip()
        self.uploads = 0

    @contextlib.contextmanager
    def running(self, bootstrap=()):
        self.n += 1
        node = self.node(self.top, f"store{self.n}", self.public, bootstrap,
                         names=FILES, limits={"max_file_size": "2G",
                                              "max_files": 3000000,
                                              "max_records_per_signer":
                                              3000000}, prepare=hurry)
        try:
            yield node
        finally:
            if node.process.poll() is None:
                node.stop()

    def upload(self, node, count, conns):
        """Uploads a second; every time of other names."""
        self.uploads += 1
        return numbers(LOAD, "uploads", node.http, self.key,
                       f"u{self.uploads % 16}", count, conns, 1024)[0]

    def fill(self, node, count, kind):
        """Between two lives of a node."""
        node.stop()
        numbers(BARE, "fill", node.dir / "state", self.top / "key.pub", "f",
                count, kind)
        os.sync()

    @staticmethod
    def pid_of(node, name):
        for pid in node.pids()[1:]:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() == name:
                    return pid
        raise RuntimeError(f"no {name}")

    def bare(self, node, count, batch):
        with tempfile.TemporaryDirectory(dir=node.dir) as at:
            return numbers(BARE, "limit", at, count, batch)[0]

    def store_single(self):
        ours, bare = [], []
        with self.running() as node:
            self.upload(node, 300, 1)
            for _ in range(15): # short turns: a disk has its moods
                bare.append(self.bare(node, 400, 1))
                ours.append(self.upload(node, 400, 1))
        return "1/s", ours, ("verify and commit, one by one", bare)

    def store_group(self):
        ours, rate, bare = [], [], []
        with self.running() as node:
            self.upload(node, 1000, 64)
            for _ in range(5):
                rate.append(verify_rate())
                ours.append(self.upload(node, 6000, 64))
                bare.append(self.bare(node, 6400, 64))
        return "1/s", ours, [("ed25519 verify, one processor", rate),
                             ("verify and commit, 64 by 64", bare)]

    def store_verify(self):
        """Verified versions a second where the disk is not the limit."""
        ours, rate = [], []
        with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
            os.chmod(top, 0o755)
            figures = Figures(self.node, top)
            with figures.running() as node:
                figures.upload(node, 1000, 64)
                for _ in range(9):
                    rate.append(openssl_rate())
                    ours.append(figures.upload(node, 6000, 64))
        return "1/s", ours, ("openssl speed ed25519, one processor", rate)

    def store_10k(self):
        """10,000 files from a peer, from the first of them that is there to
        the last: what a node needs to find its peer is another figure."""
        ours, bare = [], []
        with self.running() as origin:
            self.upload(origin, 10000, 64)
            for _ in range(3):
                bare.append(10000 / verify_rate())
                with self.running([origin.address()]) as node, hurrying():
                    while not any(os.scandir(node.files)):
                        time.sleep(0.001)
                    start = time.monotonic()
                    self.wait_files(node, 10000)
                    ours.append(time.monotonic() - start)
        return "s", ours, ("10,000 times ed25519 verify", bare)

    @staticmethod
    def status(node, key):
        out = subprocess.run([BUILD / "dmctl", "-s", node.socket, "status",
                              "--json"], capture_output=True, text=True)
        return json.loads(out.stdout or "{}").get(key, 0)

    def wait_files(self, node, count):
        end = time.monotonic() + 120
        while self.status(node, "files") < count:
            if time.monotonic() > end:
                sys.exit("bench: the files did not come")
            time.sleep(0.01)

    def store_1g(self):
        """MiB a second, of one file of 1 GiB."""
        ours, sha, disk = [], [], []
        with self.running() as node:
            peak = Peak(self.pid_of(node, "dm-store"))
            for _ in range(7): # memory that is new to the machine is slow
                sha.append(self.sha_speed())
                disk.append(self.disk_speed(node))
                load = subprocess.Popen(
                    list(map(str, (LOAD, "spread", node.http, self.key,
                                   "bench.bin", GIB, 1, node.files))),
                    stdout=subprocess.PIPE, text=True)
                while load.poll() is None:
                    peak.look()
                    time.sleep(0.02)
                ours.append(1024e3 / float(load.stdout.read()))
        least = [min(a, b) for a, b in zip(sha, disk)]
        return "MiB/s", ours, [("the lower of these", least),
                               ("sha256", sha), ("dd conv=fsync", disk),
                               ("KiB of dm-store", [peak.kib])]

    @staticmethod
    def sha_speed():
        data = bytes(256 << 20)
        start = time.monotonic()
        hashlib.sha256(data).digest()
        return 256 / (time.monotonic() - start)

    @staticmethod
    def disk_speed(node):
        path = node.dir / "dd"
        start = time.monotonic()
        subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=1M",
                        "count=1024", "conv=fsync"], check=True,
                       stderr=subprocess.DEVNULL)
        speed = 1024 / (time.monotonic() - start)
        path.unlink()
        return speed

    def starts(self, count, kind, limit_ms):
        ours = []
        with self.running() as node:
            self.fill(node, count, kind)
            for _ in range(3):
                node.start()
                ours.append(node.start_ms)
                store = anonymous_kib(self.pid_of(node, "dm-store"))
                net = anonymous_kib(self.pid_of(node, "dm-net"))
                node.stop()
        return "ms", ours, [("the most it may take", [limit_ms]),
                            ("KiB of dm-store", [store]),
                            ("bytes a row of dm-net", [net * 1024 / count])]

    def store_start_100k_ms(self):
        return self.starts(100000, "files", 1000)

    def store_start_1m_ms(self):
        return self.starts(1000000, "tombstones", 5000)

    def store_flat(self):
        """Uploads a second with 1,000,000 files, with 1,000 as the limit."""
        few, many = [], []
        with self.running() as small, self.running() as large:
            self.fill(small, 1000, "files")
            self.fill(large, 1000000, "files")
            small.start()
            large.start()
            self.settle(large)
            for _ in range(5):
                few.append(self.upload(small, 3000, 64))
                many.append(self.upload(large, 3000, 64))
        return "1/s", many, ("with 1,000 files", few)

    def settle(self, node):
        """The look at every file that follows a start is over."""
        pid = self.pid_of(node, "dm-store")
        before = -1
        while True:
            with open(f"/proc/{pid}/stat") as f:
                used = sum(map(int, f.read().split()[13:15]))
            if used == before:
                return
            before = used
            time.sleep(0.5)
