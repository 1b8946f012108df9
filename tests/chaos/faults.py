# SPDX-License-Identifier: ISC
"""What goes wrong on a node: each fault begins, holds for a while, and ends.
Faults of different kinds overlap; two that need the same part of one node
(its processes, its disk, its network, its clock, its configuration) take
turns."""

import contextlib
import os
import re
import shutil
import signal
import struct
import subprocess
import time

from conftest import PATIENCE

CHILDREN = ("dm_net", "dm_store", "resolver")
PROGRAMS = ("dmd", "dm-net", "dm-store")
#: a network card that nobody has
NOWHERE = "02:00:00:00:00:99"
HOUR = 3600


def minds(pid, number):
    """Whether a process blocks or catches a signal. Before main() it does
    neither, and the kernel ends it as it ends any program."""
    with open(f"/proc/{pid}/status") as f:
        text = f.read()
    masks = re.findall(r"^Sig(?:Blk|Cgt):\s+(\w+)", text, re.M)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


class Machine:
    """A node of the chaos: its programs, its clock, and which of its
    processes the test ended itself."""

    def __init__(self, node, programs, disk):
        self.node, self.disk = node, disk
        self.builds, self.build = programs, 0
        self.killed = set()     # pids that we ended
        self.exits = []         # what nobody ordered
        self.is_wanted = False  # whether dmd is to run now
        self.clock = node.programs / "clock"

    @property
    def name(self):
        return self.node.base.name

    def install(self, build):
        """Programs are replaced as a package manager does it: by rename."""
        for name in PROGRAMS:
            new = self.node.programs / (name + ".new")
            shutil.copy(build / name, new)
            new.rename(self.node.programs / name)

    def start(self):
        self.node.spawn()
        self.is_wanted = True

    def is_up(self):
        """Whether it answers; notes an end that nobody ordered."""
        process = self.node.process
        if process is not None and process.poll() is not None:
            if self.is_wanted:
                self.exits.append(process.returncode)
                self.is_wanted = False
            return False
        try:
            return self.node.ask("status_dmd", timeout=2).value("ready") == 1
        except (OSError, KeyError, AssertionError):
            return False

    def pids(self):
        """Of the children that run, by name."""
        try:
            values = self.node.ask("status_dmd", timeout=2).values()
        except (OSError, KeyError, AssertionError):
            return {}
        return {c: values[c + "_pid"][0] for c in CHILDREN
                if values[c + "_pid"][0] != 0}

    def end(self, number):
        """TERM or KILL for dmd, and waits for it."""
        process = self.node.process
        self.is_wanted = False
        if process is None or process.poll() is not None:
            return
        self.killed.update(self.pids().values())
        allowed = (0,) if minds(process.pid, number) else (0, -number)
        process.send_signal(number)
        try:
            code = process.wait(PATIENCE * 2)
        except subprocess.TimeoutExpired:
            self.exits.append("does not end on SIGTERM")
            process.kill()
            process.wait()
            return
        if number == signal.SIGTERM and code not in allowed:
            self.exits.append(code)


class Fault:
    """part: what of the node it needs; seconds: how long it holds."""
    part, seconds = "process", (0, 0)

    def __init__(self, machine, others, rng):
        self.machine, self.others, self.rng = machine, others, rng

    @classmethod
    def why_not(cls, machine):
        """Why this machine cannot have it, or None."""

    def begin(self):
        pass

    def end(self):
        pass


class KillChild(Fault):
    def begin(self):
        pids = self.machine.pids()
        if pids:
            pid = pids[self.rng.choice(sorted(pids))]
            self.machine.killed.add(pid)
            os.kill(pid, signal.SIGKILL)


class StopChild(Fault):
    """SIGSTOP, shorter than the silence for which a child is killed."""
    seconds = (0.2, 8)
    pid = None

    def begin(self):
        pids = self.machine.pids()
        if pids:
            self.pid = pids[self.rng.choice(sorted(pids))]
            os.kill(self.pid, signal.SIGSTOP)

    def end(self):
        if self.pid is not None:
            # gone only if dmd killed it, which the log shows
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)


class StopParent(Fault):
    seconds = (0.2, 8)

    def begin(self):
        self.machine.node.process.send_signal(signal.SIGSTOP)

    def end(self):
        self.machine.node.process.send_signal(signal.SIGCONT)


class KillParent(Fault):
    """The children end when their channel closes; a supervisor starts dmd
    again."""
    seconds = (0, 4)

    def begin(self):
        self.machine.end(signal.SIGKILL)

    def end(self):
        self.machine.start()


class Restart(KillParent):
    def begin(self):
        self.machine.end(signal.SIGTERM)


class InterruptedStarts(KillParent):
    """Killed again and again within the first moments."""
    seconds = (0, 0.5)

    def begin(self):
        for _ in range(self.rng.randint(2, 5)):
            self.machine.end(signal.SIGKILL)
            self.machine.start()
            time.sleep(self.rng.random() / 10)
        self.machine.end(signal.SIGKILL)


class Upgrade(Fault):
    """The programs are replaced while they run; a child falls; then dmd is
    started anew."""
    seconds = (0, 3)

    def begin(self):
        machine = self.machine
        machine.build = (machine.build + 1) % len(machine.builds)
        machine.install(machine.builds[machine.build])
        KillChild(machine, self.others, self.rng).begin()

    def end(self):
        self.machine.end(signal.SIGTERM)
        self.machine.start()


class FullDisk(Fault):
    part, seconds = "disk", (1, 10)

    @classmethod
    def why_not(cls, machine):
        return None if machine.disk else "no file system can be mounted here"

    def begin(self):
        path = self.machine.disk / "ballast"
        try:
            with open(path, "wb", buffering=0) as f:
                while True:
                    f.write(bytes(1 << 20))
        except OSError:
            pass    # full

    def end(self):
        (self.machine.disk / "ballast").unlink(missing_ok=True)


class ClockStep(Fault):
    """The wall clock is wrong for a while, by seconds to a year, both ways."""
    part, seconds = "clock", (1, 15)

    def begin(self):
        amount = self.rng.choice([2, 30, 400, 2 * HOUR, 40 * 24 * HOUR,
                                  400 * 24 * HOUR])
        self.set(amount * self.rng.choice([-1, 1]))

    def set(self, seconds):
        with open(self.machine.clock, "r+b") as f:
            f.write(struct.pack("=q", seconds * 10**9))

    def end(self):
        self.set(0)


class OneWayDrop(Fault):
    """What this node sends to some others goes to a card that nobody has;
    what they send arrives."""
    part, seconds = "network", (1, 12)

    @classmethod
    def why_not(cls, machine):
        return None if machine.node.host.netns else "no network namespaces"

    def begin(self):
        self.targets = [a for o in self.others
                        if self.rng.random() < 0.6
                        for a in (o.node.host.ip4, o.node.host.ip6)]
        for a in self.targets:
            self.neigh("replace", a, "lladdr", NOWHERE, "nud", "permanent")

    def end(self):
        for a in self.targets:
            self.neigh("del", a)

    def neigh(self, verb, address, *more):
        host = self.machine.node.host
        subprocess.run(["ip", "-n", host.netns, "neigh", verb, address,
                        "dev", "eth0", *more], check=True,
                       capture_output=True)


class CutOff(OneWayDrop):
    """Both ways, from everybody."""

    def begin(self):
        self.machine.node.host.down()

    def end(self):
        self.machine.node.host.up()


class Reload(Fault):
    """SIGHUP with a configuration that differs in what it may: the level of
    the log, a name more, limits, the address that HTTP listens on. Now and
    then one with an error, which changes nothing."""
    part = "config"

    def begin(self):
        node = self.machine.node
        node.config[""]["log_level"] = self.rng.choice(["info", "debug"])
        node.config["cluster"]["max_peers"] = self.rng.choice([64, 128, 512])
        node.config["files"].pop("extra/*", None)
        if self.rng.random() < 0.5:
            node.config["files"]["extra/*"] = node.config["files"]["s/*"]
        node.write_config()
        if self.rng.random() < 0.2:
            good = node.toml.read_text()
            node.toml.write_text(good + "nonsense = = 1\n")
            self.hang_up()
            node.toml.write_text(good)
            return
        for _ in range(self.rng.randint(1, 3)):
            self.hang_up()

    def hang_up(self):
        process = self.machine.node.process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGHUP)


FAULTS = (KillChild, KillChild, StopChild, StopParent, KillParent, Restart,
          InterruptedStarts, Upgrade, FullDisk, ClockStep, OneWayDrop,
          CutOff, Reload)
