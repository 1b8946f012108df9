#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`make bench`: every figure as the median of several runs, beside a peer or
limit measured in the same run where there is one. Prints a table and writes
build/bench.json. Nodes run on loopback, in a directory that is removed."""
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import p2p
import store

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
LOAD = BUILD / "tests/bench/load"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Node:
    def __init__(self, top, name, public, bootstrap=(), names=(),
                 limits=None, prepare=None, max_peers=512):
        self.dir, self.prepare = top / name, prepare
        self.dir.mkdir()
        self.cluster, self.http = free_port(), free_port()
        self.socket = self.dir / "control.sock"
        self.files = self.dir / "state/files"
        peers = ", ".join(f'"{b}"' for b in bootstrap)
        more = "".join(f'"{n}" = [ "{public}" ]\n' for n in sorted(names))
        set_limits = "".join(f"{k} = {json.dumps(v)}\n"
                             for k, v in (limits or {}).items())
        (self.dir / "dm.toml").write_text(f'''
state_dir = "{self.dir}/state"
control_socket = "{self.socket}"
log_level = "error"
net_user = "nobody"
store_user = "daemon"
resolver_user = "games"
group = "daemon"
[cluster]
port = {self.cluster}
interface = "lo"
max_peers = {max_peers}
bootstrap_peers = [ {peers} ]
[http]
port = {self.http}
[limits]
{set_limits}
[files]
"bench.bin" = [ "{public}" ]
"load/*" = [ "{public}" ]
{more}''')
        self.start()

    def start(self):
        path = self.dir / "notify.sock"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            notify.settimeout(30)
            os.chmod(path, 0o777)
            start = time.monotonic()
            self.process = subprocess.Popen(
                [BUILD / "dmd", "-d", "-f", self.dir / "dm.toml"],
                env={**os.environ, "NOTIFY_SOCKET": str(path)},
                stderr=open(self.dir / "log", "a"), preexec_fn=self.prepare)
            while b"READY=1" not in notify.recv(4096):
                pass
            self.start_ms = (time.monotonic() - start) * 1000

    def ctl(self, *args):
        return subprocess.run([BUILD / "dmctl", "-s", self.socket, *args],
                              check=True, capture_output=True,
                              text=True).stdout

    def address(self):
        peer = json.loads(self.ctl("id", "--json"))
        peer = peer[0] if isinstance(peer, list) else peer
        return f'/ip4/127.0.0.1/tcp/{self.cluster}/p2p/{peer["peer_id"]}'

    def peers_up(self):
        return sum(p["state"] == "connected"
                   for p in json.loads(self.ctl("peers", "--json")))

    def pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [pid] + [int(c) for c in f.read().split()]

    def pss_kib(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(),
                                       re.M).group(1))
        return total

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def load(*args):
    out = subprocess.run([LOAD, *map(str, args)], check=True,
                         capture_output=True, text=True).stdout
    return [float(x) for x in out.split()]


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("bench: the nodes did not get ready")
        time.sleep(0.02)


class Bench:
    def __init__(self, top):
        self.top = top
        self.key = top / "key.priv"
        subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=top,
                       check=True, capture_output=True)
        self.public = (top / "key.pub").read_text().strip()
        first = Node(top, "a", self.public)
        self.nodes = [first] + [
            Node(top, n, self.public, [first.address()]) for n in "bc"]
        wait_for(lambda: all(n.peers_up() == 2 for n in self.nodes))

    def others(self):
        return [n.files for n in self.nodes[1:]]

    def spread_1k_ms(self):
        return "ms", load("spread", self.nodes[0].http, self.key,
                          "bench.bin", 1024, 101, *self.others()), None

    def spread_64m_s(self):
        values = load("spread", self.nodes[0].http, self.key, "bench.bin",
                      64 << 20, 5, *self.others())
        return "s", [v / 1000 for v in values], None

    def uploads_per_s(self):
        values = [load("uploads", self.nodes[0].http, self.key, "load",
                       3000, 64, 1024)[0] for _ in range(3)]
        return "1/s", values, self.verify_rate()

    @staticmethod
    def verify_rate():
        out = subprocess.run(["openssl", "speed", "-seconds", "2", "ed25519"],
                             capture_output=True, text=True).stdout
        rate = float(out.split()[-1])
        return "openssl ed25519 verify, one core", [rate]

    def gets_per_s(self):
        if not shutil.which("wrk"):
            print("skip gets_per_s: wrk is missing", file=sys.stderr)
            return None
        load("spread", self.nodes[0].http, self.key, "bench.bin", 1024, 1,
             *self.others())
        ours, theirs = [], []
        with Nginx(self.top) as nginx:
            for _ in range(3):
                ours.append(wrk(self.nodes[0].http, "/files/bench.bin"))
                if nginx.port:
                    theirs.append(wrk(nginx.port, "/bench.bin"))
        return "1/s", ours, ("nginx, one worker", theirs) if theirs else None

    def start_ms(self):
        values = []
        for i in range(7):
            node = Node(self.top, f"s{i}", self.public)
            values.append(node.start_ms)
            node.stop()
        return "ms", values, None

    def idle_pss_kib(self):
        node = Node(self.top, "idle", self.public,
                    [self.nodes[0].address()])
        wait_for(lambda: node.peers_up() == 3)
        values = [node.pss_kib() for _ in range(3)]
        node.stop()
        return "KiB", values, None

    def close(self):
        for node in self.nodes:
            node.stop()


class Nginx:
    """Serves the same bytes, to compare with."""

    def __init__(self, top):
        self.dir, self.port, self.process = top / "nginx", None, None

    def __enter__(self):
        if not shutil.which("nginx"):
            return self
        self.dir.mkdir()
        os.chmod(self.dir, 0o755)
        (self.dir / "bench.bin").write_bytes(b"a" * 1024)
        self.port = free_port()
        (self.dir / "nginx.conf").write_text(f'''
worker_processes 1; daemon off; pid {self.dir}/pid;
error_log {self.dir}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; sendfile on;
  open_file_cache max=100;
  server {{ listen 127.0.0.1:{self.port}; root {self.dir}; }} }}
''')
        self.process = subprocess.Popen(
            ["nginx", "-c", self.dir / "nginx.conf"],
            stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait(10)


def wrk(port, path):
    out = subprocess.run(
        ["wrk", "-t1", "-c32", "-d3s", f"http://127.0.0.1:{port}{path}"],
        check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in out, out
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


FIGURES = ["start_ms", "idle_pss_kib", "spread_1k_ms", "uploads_per_s",
           "gets_per_s", "spread_64m_s"] + store.FIGURES + p2p.FIGURES


def row(figure, unit, values, beside):
    value = statistics.median(values)
    names, ratio = [], None
    if isinstance(beside, tuple):
        beside = [beside]
    for name, others in beside or []:
        other = statistics.median(others)
        names.append(f"{name}: {other:.6g} (ratio {value / other:.3f})")
        if ratio is None:
            ratio = round(value / other, 3)
    return {"figure": figure, "value": round(value, 3), "unit": unit,
            "min": round(min(values), 3), "max": round(max(values), 3),
            "runs": len(values), "beside": "; ".join(names), "ratio": ratio}


def measure(source, wanted):
    rows = []
    for figure in wanted:
        result = getattr(source, figure)()
        if result:
            rows.append(row(figure, *result))
    return rows


def measure_nodes(wanted):
    top = pathlib.Path(tempfile.mkdtemp(prefix="dmd-bench."))
    os.chmod(top, 0o755)
    try:
        bench = Bench(top)
        try:
            return measure(bench, wanted)
        finally:
            bench.close()
    finally:
        shutil.rmtree(top, ignore_errors=True)


def measure_store(wanted):
    with tempfile.TemporaryDirectory(prefix="dmd-bench.") as top:
        os.chmod(top, 0o755)
        return measure(store.Figures(Node, top), wanted)


def measure_p2p(wanted):
    with tempfile.TemporaryDirectory(prefix="dmd-bench.") as top:
        os.chmod(top, 0o755)
        return measure(p2p.Figures(Node, top), wanted)


def main():
    wanted = sys.argv[1:] or FIGURES
    unknown = set(wanted) - set(FIGURES)
    if unknown:
        sys.exit(f"bench: no figure {', '.join(unknown)}; there are: "
                 + " ".join(FIGURES))
    rows = []
    of_nodes = [f for f in wanted if f not in store.FIGURES + p2p.FIGURES]
    of_store = [f for f in wanted if f in store.FIGURES]
    if of_store:
        rows += measure_store(of_store)
    if of_nodes:
        rows += measure_nodes(of_nodes)
    of_p2p = [f for f in wanted if f in p2p.FIGURES]
    if of_p2p:
        rows += measure_p2p(of_p2p)
    print(f"{'FIGURE':<18}{'MEDIAN':>12} {'UNIT':<5}{'MIN':>12}{'MAX':>12}"
          f"{'RUNS':>6}  BESIDE")
    for r in rows:
        print(f"{r['figure']:<18}{r['value']:>12} {r['unit']:<5}"
              f"{r['min']:>12}{r['max']:>12}{r['runs']:>6}  "
              f"{r['beside']}")
    (BUILD / "bench.json").write_text(json.dumps(rows, indent=1) + "\n")


main()
