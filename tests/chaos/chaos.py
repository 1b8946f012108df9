# SPDX-License-Identifier: ISC
"""Five real nodes, clients that upload and delete, and everything that can go
wrong at once. `make chaos SECONDS=300 SEED=1`.

While it lasts, no node may show what nobody uploaded, or go back to an older
version. When all has healed, the nodes agree, no version that was acknowledged
is lost, nothing that was deleted is back, and every process that ended was
ended by the test. The seed decides which faults come when and where; what they
meet is decided by the machine."""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import faults  # noqa: E402
import topology  # noqa: E402
from conftest import (BUILD, IS_ASAN, IS_ROOT, Node,  # noqa: E402
                      eventually, make_users)
from ledger import Ledger  # noqa: E402
from mesh import (Client, Mesh, address, control_put,  # noqa: E402
                  files, listing, reload)
from versions import Signer, Version  # noqa: E402

NODES = 5
STORED = ("created", "replaced", "unchanged", "ok")
NAMES = 6                   # of each writer, and as many that all write
SIZES = (100, 5000, 80_000, 1_000_000)
PAUSE_S = 0.05              # between two uploads of a writer
LOOK_S = 0.2                # between two looks at all files of a node
AT_ONCE = 4                 # faults that hold at the same time
HEAL_S = 240 if IS_ASAN else 120
DISK = "size=384m,mode=0755"


class Writer(threading.Thread):
    """A client of one node. It never waits for anything to become well."""

    def __init__(self, number, machine, ledger, signer, seed):
        super().__init__(daemon=True)
        self.number, self.machine, self.ledger = number, machine, ledger
        self.signer, self.rng = signer, random.Random(f"{seed}w{number}")
        self.client, self.is_over = None, False

    def version(self):
        folder = f"w{self.number}" if self.rng.random() < 0.7 else "s"
        name = f"{folder}/{self.rng.randrange(NAMES)}"
        if self.rng.random() < 0.15:
            return Version(name, None, self.signer)
        weights = (60, 25, 12, 3)
        size = self.rng.choices(SIZES, weights)[0]
        return Version(name, os.urandom(size), self.signer)

    def put(self, version):
        """Whether it was acknowledged, and else why not."""
        if self.rng.random() < 0.3:
            answer = control_put(self.machine.node, version)
            return answer.verdict in STORED, answer.verdict
        self.client = self.client or Client(self.machine.node, timeout=20)
        answer = self.client.put(version)
        is_stored = answer.status in (200, 201)
        return is_stored, None if is_stored else answer.code

    def run(self):
        while not self.is_over:
            version = self.version()
            self.ledger.send(version)
            try:
                is_stored, code = self.put(version)
            except Exception as error:
                # a connection that breaks, a node that is not there
                is_stored, code = False, type(error).__name__
                with contextlib.suppress(Exception):
                    self.client.close()
                self.client = None
            if is_stored:
                self.ledger.acknowledge(version)
            else:
                self.ledger.refuse(code or "no answer")
            time.sleep(PAUSE_S)


class Looker(threading.Thread):
    """Reads what the nodes show, as a consumer does."""

    def __init__(self, machines, ledger):
        super().__init__(daemon=True)
        self.machines, self.ledger, self.is_over = machines, ledger, False

    def run(self):
        while not self.is_over:
            for machine in self.machines:
                self.look(machine)
            time.sleep(LOOK_S)

    def look(self, machine):
        names = set(self.ledger.sent)
        top = machine.node.state / "files"
        for name in names:
            try:
                shown = (top / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                shown = None
            except OSError:
                continue
            self.ledger.show(machine.name, name, shown)


class Chaos:
    def __init__(self, base, seed, seconds, previous):
        self.base, self.seed, self.seconds = base, seed, seconds
        self.rng = random.Random(seed)
        self.ledger, self.signer = Ledger(), Signer()
        self.builds = [BUILD / "chaos"] + ([previous] if previous else [])
        self.net = topology.Network()
        self.machines, self.count = [], collections.Counter()
        self.locks = collections.defaultdict(threading.Lock)
        self.skipped, self.errors = {}, []

    # --- nodes ----

    def make_node(self, files=None, **config):
        base = self.base / f"node{len(self.machines)}"
        base.mkdir(mode=0o755)
        programs = base / "programs"
        programs.mkdir(mode=0o755)
        (programs / "clock").write_bytes(bytes(8))
        return Node(base, programs, files, **config)

    def mount(self, node):
        """A small file system of its own below the node; or None."""
        node.state.mkdir(mode=0o755)
        if not IS_ROOT or subprocess.run(
                ["mount", "-t", "tmpfs", "-o", DISK, "chaos", node.state],
                capture_output=True).returncode != 0:
            node.state.rmdir()
            return None
        disk, node.state = node.state, node.state / "dmd"
        node.config[""]["state_dir"] = node.state
        return disk

    def grow(self):
        mesh = Mesh(self.make_node, self.net)
        mesh.files = {f"w{i}/*": [self.signer.text] for i in range(NODES)}
        mesh.files["s/*"] = [self.signer.text]
        for number in range(NODES):
            node = mesh.add(start=False, bootstrap=[])
            node.config[""]["log_level"] = "info"
            if number % 2:      # some let the disk fill to the last block
                node.config["limits"] = {"min_free": "0"}
            machine = faults.Machine(node, self.builds, self.mount(node))
            machine.install(self.builds[0])
            self.machines.append(machine)
            machine.start()
            eventually(machine.is_up, message=f"{machine.name} does not start:"
                       f"\n{node.log()}")
            mesh.nodes[:] = [m.node for m in self.machines]
        self.introduce()
        mesh.wait_connected(timeout=60)
        return mesh

    def introduce(self):
        """Everybody has two bootstrap peers, in a ring."""
        nodes = [m.node for m in self.machines]
        for i, node in enumerate(nodes):
            node.config["cluster"]["bootstrap_peers"] = [
                address(nodes[(i + k) % NODES]) for k in (1, 2)]
            reload(node)

    # --- faults ----

    def plan(self):
        """[(second, Fault, machine, seconds)], from the seed alone."""
        out, at = [], 1.0
        while at < self.seconds:
            kind = self.rng.choice(faults.FAULTS)
            machine = self.rng.choice(self.machines)
            out.append((at, kind, machine,
                        self.rng.uniform(*kind.seconds), self.rng.random()))
            at += self.rng.expovariate(1 / 0.7)
        return out

    def suffer(self, slots, kind, machine, seconds, seed):
        try:
            with self.locks[machine, kind.part]:
                others = [m for m in self.machines if m is not machine]
                fault = kind(machine, others, random.Random(seed))
                fault.begin()
                time.sleep(min(seconds, 15))
                fault.end()
                self.count[kind.__name__] += 1
        except Exception as error:
            self.errors.append(f"{kind.__name__} on {machine.name}: "
                               f"{error!r}")
        finally:
            slots.release()

    def rage(self):
        slots, threads = threading.Semaphore(AT_ONCE), []
        begin = time.monotonic()
        for at, kind, machine, seconds, seed in self.plan():
            why_not = kind.why_not(machine)
            if why_not:
                self.skipped[kind.__name__] = why_not
                continue
            time.sleep(max(0, begin + at - time.monotonic()))
            slots.acquire()
            if time.monotonic() > begin + self.seconds:
                slots.release()
                break
            thread = threading.Thread(target=self.suffer, args=[
                slots, kind, machine, seconds, seed])
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    # --- the end ----

    def heal(self):
        for machine in self.machines:
            if machine.node.process.poll() is not None and \
                    not machine.is_wanted:
                machine.start()
        for machine in self.machines:
            eventually(machine.is_up, HEAL_S,
                       f"{machine.name} does not come back")

    def agree(self):
        def same():
            lists = [listing(m.node) for m in self.machines]
            return all(rows == lists[0] for rows in lists)

        def tell():
            return "\n".join(
                f"{m.name}: {sorted((n, r['kind'], r['sha256'][:8]) for n, r in listing(m.node).items())}"
                for m in self.machines)
        with contextlib.suppress(OSError):
            try:
                eventually(same, HEAL_S)
            except AssertionError:
                self.ledger.violate("the nodes do not agree:\n" + tell())

    def judge(self):
        for machine in self.machines:
            self.ledger.judge(machine.name, files(machine.node))
            for code in machine.exits:
                self.ledger.violate(f"{machine.name}: dmd: {code}")
            self.judge_log(machine)

    def judge_log(self, machine):
        for line in machine.node.log().splitlines():
            ended = re.search(r"\(pid (\d+)\) (ended with status|was ended by"
                              r" signal) (\d+)", line)
            if ended and int(ended[1]) not in machine.killed:
                self.ledger.violate(f"{machine.name}: {line}")
            for word in ("compromised", "misbehaving", "is killed",
                         "accuses", "is damaged", "AddressSanitizer",
                         "runtime error", "out of memory"):
                if word in line:
                    self.ledger.violate(f"{machine.name}: {line}")

    def stop(self):
        for machine in self.machines:
            if machine.node.process:
                machine.node.process.send_signal(signal.SIGCONT) \
                    if machine.node.process.poll() is None else None
                machine.end(signal.SIGTERM)

    def close(self):
        for machine in self.machines:
            if machine.node.process:
                machine.node.kill()
        for machine in self.machines:
            if machine.disk:
                subprocess.run(["umount", "-l", machine.disk],
                               capture_output=True)
        self.net.close()

    def run(self):
        self.grow()
        writers = [Writer(i, m, self.ledger, self.signer, self.seed)
                   for i, m in enumerate(self.machines)]
        looker = Looker(self.machines, self.ledger)
        for thread in (*writers, looker):
            thread.start()
        try:
            self.rage()
            self.heal()
        finally:
            for thread in writers:
                thread.is_over = True
            for thread in writers:
                thread.join()
        self.agree()
        looker.is_over = True
        looker.join()
        self.judge()
        self.stop()
        for machine in self.machines:
            for code in machine.exits:
                self.ledger.violate(f"{machine.name}: dmd: {code}")

    def tell(self):
        ledger = self.ledger
        print(f"chaos: seed {self.seed}, {self.seconds} s, {NODES} nodes"
              f"{' in namespaces' if self.net.namespaces else ''}")
        print("faults: " + ", ".join(
            f"{k} {n}" for k, n in sorted(self.count.items())))
        for kind, why in sorted(self.skipped.items()):
            print(f"skip: {kind}: {why}")
        print(f"versions: {sum(map(len, ledger.sent.values()))} sent, "
              f"{ledger.acknowledged} acknowledged; not acknowledged: " +
              ", ".join(f"{k} {n}" for k, n in sorted(ledger.refused.items())))
        for text in self.errors:
            print(f"the test itself: {text}")
        for text in ledger.violations:
            print(f"VIOLATION: {text}")
        bad = len(ledger.violations) + len(self.errors)
        print(f"chaos: {bad} violations")
        return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--previous", type=pathlib.Path,
                        help="a build to upgrade from and to")
    parser.add_argument("--keep", action="store_true",
                        help="leave logs and state behind")
    options = parser.parse_args()
    base = pathlib.Path(tempfile.mkdtemp(prefix="dmd-chaos."))
    base.chmod(0o755)
    make_users()
    chaos = Chaos(base, options.seed, options.seconds, options.previous)
    bad = 1
    try:
        chaos.run()
        bad = chaos.tell()
    except AssertionError as error:
        chaos.ledger.violate(str(error))
        bad = chaos.tell()
    finally:
        chaos.close()
        if bad or options.keep:
            print(f"logs and state are in {base}")
        else:
            shutil.rmtree(base)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
