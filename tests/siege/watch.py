# SPDX-License-Identifier: ISC
"""What those see who mean well while a node is under attack, and what the
attack costs the node: its processors and its memory, by process."""
import contextlib
import http.client
import math
import os
import pathlib
import re
import socket
import threading
import time

from mesh import Client, content
from versions import Version

TICKS = os.sysconf("SC_CLK_TCK")
PROCESSES = ("dmd", "dm_net", "dm_store", "resolver")
#: seconds after which something counts as never
NEVER = 20


class Probe(threading.Thread):
    """Does something again and again, until it is told to stop."""

    def __init__(self, pause):
        super().__init__(daemon=True)
        self.pause, self.over = pause, threading.Event()

    def run(self):
        while not self.over.is_set():
            self.once()
            self.over.wait(self.pause)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class Meter(Probe):
    """The node's processes: which they are, what they use."""

    def __init__(self, node):
        super().__init__(0.05)
        self.pids = pids(node)
        self.peak_kib = dict.fromkeys(PROCESSES, 0)
        self.used = {}
        self.before = {n: cpu(p) for n, p in self.pids.items()}

    def once(self):
        for name, pid in self.pids.items():
            with contextlib.suppress(OSError):  # one that has ended
                self.used[name] = cpu(pid) - self.before[name]
                text = pathlib.Path(f"/proc/{pid}/status").read_text()
                found = re.search(r"^RssAnon:\s+(\d+)", text, re.M)
                kib = int(found[1]) if found else 0
                self.peak_kib[name] = max(self.peak_kib[name], kib)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.once()


def pids(node):
    status = node.ask("status_dmd", timeout=NEVER).values()
    return {"dmd": node.process.pid} | {
        n: status[n + "_pid"][0] for n in PROCESSES[1:]}


def cpu(pid):
    """Seconds of a process, all its threads."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = text.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Health(Probe):
    """A client of HTTP with a new connection for each question."""

    def __init__(self, node):
        super().__init__(0.1)
        self.port, self.took, self.why = node.http_port, [], ""

    def once(self):
        start = time.monotonic()
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=NEVER)
        try:
            c.request("GET", "/healthz")
            c.getresponse().read()
            self.took.append(time.monotonic() - start)
        except (OSError, http.client.HTTPException) as error:
            self.took.append(math.inf)
            self.why = repr(error)
        finally:
            c.close()


class Spread(Probe):
    """Versions of an honest signer, which one node is given and the other is
    to have. `ways`: pairs of nodes, in turn."""

    def __init__(self, ways, signer, size=500):
        super().__init__(0.2)
        self.ways, self.signer, self.size = ways, signer, size
        self.took, self.turn = [], 0

    def once(self):
        at, to = self.ways[self.turn % len(self.ways)]
        self.turn += 1
        version = Version("honest", os.urandom(self.size), self.signer)
        start = time.monotonic()
        try:
            with Client(at, NEVER) as client:
                if client.put(version).status not in (200, 201):
                    self.took.append(math.inf)
                    return
        except (OSError, http.client.HTTPException):
            self.took.append(math.inf)
            return
        self.took.append(arrives(to, version, start=start))


def until(what, seconds):
    """Waits until it is true, or so long."""
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.05)


def arrives(node, version, patience=NEVER, start=None):
    """Seconds until a node shows a version; infinite after its patience."""
    start = time.monotonic() if start is None else start
    while time.monotonic() - start < patience:
        if content(node, version.name) == version.content:
            return time.monotonic() - start
        time.sleep(0.005)
    return math.inf


class Victim(Probe):
    """Somebody who has nothing to do with it; counts who connects."""

    def __init__(self, address):
        super().__init__(0)
        self.listener = socket.create_server((address, 0), backlog=64)
        self.listener.settimeout(0.1)
        self.port, self.count = self.listener.getsockname()[1], 0

    def once(self):
        with contextlib.suppress(TimeoutError):
            self.listener.accept()[0].close()
            self.count += 1

    def __exit__(self, *error):
        super().__exit__(*error)
        self.listener.close()
