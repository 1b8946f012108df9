# SPDX-License-Identifier: ISC
"""The figures of our libp2p: ours to ours, beside go-libp2p to go-libp2p and
beside OpenSSL alone, taken in turns. Without go, only the latter is beside.

p2p_idle_1000_cpu is of a whole node, all its processes, whose peers greet and
answer as nodes do; go-libp2p holds as many connections of our library.

Where it is allowed, all of them run at real-time priority, so that what else
the machine does decides as little as possible."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
OURS = BUILD / "tests/bench/p2p_load"
BARE = BUILD / "tests/bench/tls_load"
NODES = BUILD / "tests/bench/idle_load"
GO_MIN = (1, 26)

ALL_CPUS = os.sched_getaffinity(0)
ONE_CPU = {min(ALL_CPUS)}
STREAM_MIB, STREAM_RUNS = 1024, 7
RATE_S, RATE_RUNS = 2, 5
MEET_PEERS, MEET_RUNS = 100, 9
IDLE_CONNS, IDLE_S, IDLE_RUNS = 1000, 30, 3


def hurry():
    """Before the program is executed: ahead of everything else."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def share(cpus):
    """Before a program is executed: on no others than these. Ahead of
    everything else only where a program has more than one: the runtime of go
    does badly otherwise."""
    os.sched_setaffinity(0, cpus)
    if cpus == ALL_CPUS:
        hurry()


def output(*command, cpus=None):
    out = subprocess.run(list(map(str, command)), check=True,
                         capture_output=True, text=True, timeout=120,
                         preexec_fn=lambda: share(cpus or ALL_CPUS)).stdout
    return float(out)


def cpu_s(pids):
    """Of all threads: /proc/PID/stat is of all, but too coarse for one that
    does little; schedstat is exact."""
    files = (f for p in pids
             for f in pathlib.Path(f"/proc/{p}/task").glob("*/schedstat"))
    return sum(int(f.read_text().split()[0]) for f in files) / 1e9


def idle_percent(pids):
    start, begin = cpu_s(pids), time.monotonic()
    time.sleep(IDLE_S)
    return (cpu_s(pids) - start) / (time.monotonic() - begin) * 100


class Gopeer:
    """go-libp2p as a program, built once; falsy where that is not possible."""

    def __init__(self):
        self.path = None
        go = shutil.which("go")
        if go is None:
            print("p2p: go is missing", file=sys.stderr)
            return
        version = subprocess.run([go, "version"], capture_output=True,
                                 text=True).stdout
        found = re.search(r"go(\d+)\.(\d+)", version)
        if not found or tuple(map(int, found.groups())) < GO_MIN:
            print(f"p2p: go is too old: {version}", file=sys.stderr)
            return
        path = BUILD / "tests/bench/gopeer"
        done = subprocess.run(
            [go, "build", "-o", path.absolute(), "./gopeer"],
            cwd=ROOT / "tests/interop", stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            self.path = path
        else:
            print(f"p2p: gopeer: {done.stderr}", file=sys.stderr)

    def __bool__(self):
        return self.path is not None


class Listener:
    def __init__(self, program, cpus=None):
        self.process = subprocess.Popen(
            [program, "listen"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: share(cpus or ALL_CPUS))
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def heap(self):
        self.process.stdin.write("heap\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


class Figures:
    """Each method named in FIGURES returns a unit, values, and what they are
    to be set beside: (name, values) pairs. node: the class of bench.py; top: a
    directory of its own."""

    def __init__(self, node, top):
        self.node, self.top = node, pathlib.Path(top)
        self.go = Gopeer()
        self.idles = []

    def compare(self, command, runs, bare=None, theirs=None, cpus=None):
        theirs = theirs or command
        ours, go, alone = [], [], []
        with contextlib.ExitStack() as stack:
            our = stack.enter_context(Listener(OURS, cpus))
            their = self.go and stack.enter_context(
                Listener(self.go.path, cpus))
            for _ in range(runs):
                ours.append(output(OURS, command[0], our.address,
                                   *command[1:], cpus=cpus))
                if their:
                    go.append(output(self.go.path, "bench", theirs[0],
                                     their.address, *theirs[1:], cpus=cpus))
                if bare:
                    alone.append(output(BARE, *bare, cpus=cpus))
        beside = [("go-libp2p", go)] if go else []
        if alone:
            beside.append(("bare TCP" if bare[0] == "echo" else
                           "OpenSSL alone", alone))
        return ours, beside

    def p2p_stream(self):
        return "MB/s", *self.compare(("stream", STREAM_MIB), STREAM_RUNS,
                                     ("stream", STREAM_MIB))

    def p2p_open_1(self):
        """Both ends on one processor, of which each leaves the other all: with
        two, half the time is that in which a sleeping one wakes up."""
        return "1/s", *self.compare(("open", RATE_S, 1), RATE_RUNS,
                                    ("echo", RATE_S), cpus=ONE_CPU)

    def p2p_open_1_two(self):
        """The same wherever the kernel runs them."""
        return "1/s", *self.compare(("open", RATE_S, 1), RATE_RUNS,
                                    ("echo", RATE_S))

    def p2p_open_16(self):
        return "1/s", *self.compare(("open", RATE_S, 16), RATE_RUNS)

    def p2p_handshake_1(self):
        return "1/s", *self.compare(("handshake", RATE_S, 1), RATE_RUNS,
                                    ("handshake", RATE_S, 1))

    def p2p_handshake_4(self):
        return "1/s", *self.compare(("handshake", RATE_S, 4), RATE_RUNS,
                                    ("handshake", RATE_S, 4))

    def p2p_handshake_new(self):
        """Peers that have not met; the others know no difference."""
        return "1/s", *self.compare(("meet", MEET_PEERS), MEET_RUNS,
                                    ("handshake", RATE_S, 1),
                                    ("handshake", RATE_S, 1))

    @staticmethod
    def idle(program, dial):
        """KiB a connection of the listener, and its CPU in percent."""
        with Listener(program) as listener:
            # what is made once is made now
            with Dialer(*dial, listener.address, 4):
                pass
            time.sleep(0.5)
            before = listener.heap()
            with Dialer(*dial, listener.address, IDLE_CONNS):
                time.sleep(2)  # their identify streams have ended
                kib = (listener.heap() - before) / IDLE_CONNS / 1024
                percent = idle_percent([listener.process.pid])
        return kib, percent

    def measure_idle(self, which):
        if not self.idles:  # one run has both figures
            self.idles = [self.idle(OURS, (OURS, "idle"))]
            if self.go:
                self.idles.append(self.idle(
                    self.go.path, (self.go.path, "bench", "idle")))
        ours, *go = [idle[which] for idle in self.idles]
        return [ours], [("go-libp2p", go)] if go else None

    def p2p_idle_conn_kib(self):
        return "KiB", *self.measure_idle(0)

    def p2p_idle_cpu(self):
        return "%", *self.measure_idle(1)

    def p2p_idle_1000_cpu(self):
        subprocess.run([BUILD / "dmctl", "generate", "keypair"],
                       cwd=self.top, check=True, capture_output=True)
        public = (self.top / "key.pub").read_text().strip()
        node = self.node(self.top, "idle", public,
                         max_peers=IDLE_CONNS + 100)
        try:
            with Dialer(NODES, node.address(), IDLE_CONNS) as dialer:
                time.sleep(5)  # they have met
                ours = [idle_percent(node.pids()) for _ in range(IDLE_RUNS)]
                if node.peers_up() != IDLE_CONNS or dialer.has_ended():
                    sys.exit("p2p: not all connections stayed")
        finally:
            node.stop()
        return "%", ours, self.go_idle()

    def go_idle(self):
        if not self.go:
            return None
        with Listener(self.go.path) as listener, Dialer(
                OURS, "idle", listener.address, IDLE_CONNS):
            time.sleep(5)
            return [("go-libp2p", [idle_percent([listener.process.pid])
                                   for _ in range(IDLE_RUNS)])]


class Dialer:
    """Holds connections."""

    def __init__(self, *command):
        self.command = list(map(str, command))

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def has_ended(self):
        return self.process.poll() is not None


FIGURES = ["p2p_stream", "p2p_open_1", "p2p_open_1_two", "p2p_open_16",
           "p2p_handshake_1", "p2p_handshake_4", "p2p_handshake_new",
           "p2p_idle_conn_kib", "p2p_idle_cpu",
           "p2p_idle_1000_cpu"]
