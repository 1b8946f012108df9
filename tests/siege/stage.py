# SPDX-License-Identifier: ISC
"""A node under attack, a good peer that knows it, and those who attack."""
import contextlib
import hashlib
import json
import math
import os
import select
import signal
import subprocess
import time

import conftest
import mesh
import watch
from ground import foe_user
from versions import Signer

FOE = conftest.BUILD / "tests/siege/foe"
SIGNER = Signer()
#: what the bars are, in seconds
SPREAD_S, HEALTH_S = 1, 0.25
#: longer than any row
LONG_S = 300
#: the node may use so much more of the processor than who attacks, or ...
CPU_TIMES = 20
#: ... so much of a core for each source, and a second of it at once
CPU_SOURCE, CPU_BURST_S = 0.1, 1


class Foe:
    """foe.c, for some seconds."""

    def __init__(self, attack, target, seconds, words=(), source="127.0.0.1",
                 sources=1, peers=1, rate=0):
        self.sources = sources
        self.process = subprocess.Popen(
            [FOE, attack, target, "-s", str(seconds), "-n", str(peers),
             "-a", source, "-m", str(sources), "-r", str(rate), "--",
             *map(str, words)], stdout=subprocess.PIPE, bufsize=0,
            **foe_user())
        assert self.process.stdout.readline() == b"started\n", attack

    def wait_work(self):
        """Until it has a connection, if it gets one."""
        select.select([self.process.stdout], [], [], 10)

    def stop(self):
        """What it counted, and its seconds of the processor as "cpu"."""
        # not terminate(), which may wait for it and lose what it used
        os.kill(self.process.pid, signal.SIGTERM)
        out = self.process.stdout.read()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        assert self.process.returncode == 0, out
        return json.loads(out.splitlines()[-1]) | {
            "cpu": usage.ru_utime + usage.ru_stime}


class Stage:
    """Started nodes: `target`, and `friend` that is a bootstrap peer of it as
    it is of the friend."""

    def __init__(self, ground, make_node, files=(), cluster=None):
        self.ground, self.make_node = ground, make_node
        self.signer = SIGNER
        self.files = {n: [SIGNER.text] for n in ("honest", "named", *files)}
        self.foes, self.tallies, self.facts = [], [], {}
        self.target = self.node(0, **(cluster or {}))
        self.target.start()
        self.target_id = self.target.peer_id()
        self.friend = self.node(1, bootstrap_peers=[self.address(self.target)])
        self.friend.start()
        # not before: both would dial, and one of the two connections go
        conftest.eventually(lambda: self.connection() is not None)
        self.target.config["cluster"]["bootstrap_peers"] = [
            self.address(self.friend)]
        mesh.reload(self.target)

    def node(self, number, **cluster):
        node = self.make_node(files=dict(self.files))
        node.at = self.ground.nodes[number]
        node.config[""]["log_level"] = "info"
        node.config["cluster"].update(
            {"interface": node.at, "push_pull_interval": "1s"}, **cluster)
        node.config["limits"] = {"min_free": "1M"}
        return node

    @staticmethod
    def address(node):
        return f"/ip4/{node.at}/tcp/{node.p2p_port}/p2p/{node.peer_id()}"

    def connection(self):
        """The friend's connection to the target, as the friend sees it: since
        when it is up; None if it is not."""
        rows = mesh.peers(self.friend)
        row = rows.get(self.target_id)
        return row["since"] if row and row["state"] == "connected" else None

    def count(self, counter):
        """What `dmctl status` says."""
        return counter and self.target.ask("status_net").value(counter)

    # --- what a row asks for ----

    def attack(self, name, words=(), **more):
        more.setdefault("source", self.ground.foe)
        foe = Foe(name, more.pop("at", None) or self.address(self.target),
                  LONG_S, words, **more)
        self.foes.append(foe)
        return foe

    def attack_http(self, name, words=(), source="127.0.0.1", **more):
        at = f"/ip4/127.0.0.1/tcp/{self.target.http_port}"
        return self.attack(name, words, at=at, source=source, **more)

    def guests(self, count, source, peers=0):
        """Peers that mean well; they are no part of the attack."""
        return Foe("guest", self.address(self.target), LONG_S, [peers],
                   source=source, sources=count, peers=count)

    def put(self, version, node=None):
        mesh.put_ok(node or self.target, version)
        return version


def key_of(name):
    return hashlib.sha256(name.encode()).digest()[:16]


class Bar:
    """One thing that has to hold. A time is judged by `make siege` alone."""

    def __init__(self, name, value, limit, is_time=False, before=None):
        self.name, self.value, self.limit = name, value, limit
        self.is_time, self.before = is_time, before

    @property
    def is_held(self):
        return self.value <= self.limit

    def __str__(self):
        calm = "" if self.before is None else \
            f"; before the attack {self.before:.4g}"
        return f"{self.name} {self.value:.4g} (at most {self.limit:.4g}{calm})"


class Result:
    def __init__(self, row):
        self.row, self.bars = row, []
        self.sent = self.foe_cpu = 0
        self.cpu, self.kib = {}, {}
        self.spread = self.health = self.worst_spread = math.nan
        self.is_kept, self.ends, self.facts = True, 0, {}

    def broken(self, has_times):
        return [b for b in self.bars
                if not b.is_held and (has_times or not b.is_time)]


class Calm:
    """How it is with those alone who mean well: on a busy machine that is no
    good either. `rate`: seconds of the node's processors in a second."""

    def __init__(self, stage, seconds):
        self.rate, self.spread, self.health = 0, 0, 0
        if seconds == 0:
            return
        with watch.Meter(stage.target) as meter, \
                watch.Health(stage.target) as health, \
                watch.Spread(stage.ways, SIGNER, stage.size) as spread:
            time.sleep(seconds)
        self.rate = sum(meter.used.values()) / seconds
        self.spread, self.health = max(spread.took), max(health.took)


def run(row, ground, make_node, seconds, is_short):
    """One row; its Result."""
    stage = Stage(ground, make_node, row.files, row.cluster)
    stage.seconds, stage.size, stage.is_short = seconds, row.size, is_short
    stage.ways = [(stage.friend, stage.target), (stage.target, stage.friend)]
    if row.before:
        row.before(stage)
    calm = Calm(stage, 0 if is_short else 2)
    since, before = stage.connection(), watch.pids(stage.target)
    counted = stage.count(row.counter)
    with contextlib.ExitStack() as probes:
        meter = probes.enter_context(watch.Meter(stage.target))
        health = probes.enter_context(watch.Health(stage.target))
        start = time.monotonic()
        row.attack(stage)
        for foe in stage.foes:
            foe.wait_work()
        with watch.Spread(stage.ways, SIGNER, stage.size) as spread:
            if row.during:
                row.during(stage)
            time.sleep(max(0, start + seconds - time.monotonic()))
        # what was under way has come to its end, in the midst of the attack
        took = time.monotonic() - start
        stage.tallies = [f.stop() for f in stage.foes]
    result = Result(row)
    fill(result, stage, meter, health, spread)
    result.ends = sum(watch.pids(stage.target)[n] != p
                      for n, p in before.items())
    result.is_kept = stage.connection() == since
    judge(result, stage, calm, took)
    if row.counter:
        result.bars.append(Bar(f"attacks that {row.counter} does not show",
                               int(stage.count(row.counter) <= counted), 0))
    return result


def fill(result, stage, meter, health, spread):
    result.sent = sum(t["sent"] for t in stage.tallies)
    result.foe_cpu = sum(t["cpu"] for t in stage.tallies)
    result.done = sum(t["done"] or t["connections"] for t in stage.tallies)
    result.cpu, result.kib = meter.used, meter.peak_kib
    result.health = max(health.took, default=math.inf)
    result.spread = max(spread.took, default=math.inf)
    result.facts = stage.facts | {"foes": stage.tallies}


def judge(result, stage, calm, took):
    node_cpu = max(0, sum(result.cpu.values()) - calm.rate * took)
    sources = sum(f.sources for f in stage.foes)
    result.bars = [
        Bar("processes that ended", result.ends, 0),
        Bar("connections of the good peer that ended",
            0 if result.is_kept else 1, 0),
        Bar("attacks that did nothing", int(result.done == 0), 0),
        Bar("versions that did not arrive",
            int(result.spread == math.inf), 0),
        Bar("questions to /healthz without an answer",
            int(result.health == math.inf), 0),
        Bar("seconds until a version arrives", result.spread, SPREAD_S, True,
            calm.spread),
        Bar("seconds of /healthz", result.health, HEALTH_S, True,
            calm.health),
        Bar("seconds of the node's processors", node_cpu,
            max(CPU_TIMES * result.foe_cpu,
                (CPU_SOURCE * took + CPU_BURST_S) * sources),
            True),
        *(result.row.bars(stage) if result.row.bars else [])]
