# SPDX-License-Identifier: ISC
"""Power cuts for real: dmd in a virtual machine whose disk loses, tears and
reorders what was not flushed. `make powercut CUTS=50 FS=ext4,xfs,btrfs SEED=1`.

Clients upload and delete, the machine loses its power at a random time, and
starts again with what the disk kept, again and again with the same disk. Each
start has to show every acknowledged version or a newer one, nothing that nobody
signed, and nothing that was deleted; and nobody helps. Before dm-store has
recovered a file of the last second may be unfinished (dm-store(8)); these are
counted.

Before that the rig has to find two faults: a disk that lies about a flush, and
a dmd that never asks for one. The seed decides what is uploaded, when power is
cut and what the disk keeps of it; what was being written then is decided by the
machine."""

import argparse
import collections
import hashlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "chaos"),
                str(HERE.parent / "integration")]

import guest  # noqa: E402
from conftest import BUILD, eventually, free_port  # noqa: E402
from disk import Disk  # noqa: E402
from ledger import Ledger  # noqa: E402
from load import Writer  # noqa: E402
from machine import QEMU, Machine, accelerator  # noqa: E402
from nbd import Server  # noqa: E402
from versions import Signer  # noqa: E402

SIZE = 384 << 20
#: how one is made, and the bytes that its disk writes as one. btrfs has a
#: single superblock of 4096 bytes. XFS does not replay a directory block whose
#: first sector is as new as the log, so a block that is torn behind it stays
#: so, and the mount fails. Both need a disk that tears no 4096 bytes.
FILE_SYSTEMS = {
    "ext4": (["mkfs.ext4", "-q", "-F"], 512),
    "xfs": (["mkfs.xfs", "-q", "-f", "-s", "size=4096"], 4096),
    "btrfs": (["mkfs.btrfs", "-q", "-f"], 4096),
}
WRITERS = 3
LOAD_S = (0.05, 3)          # from the first upload to the cut
BY_TIME = 0.3               # of all cuts; the others come with a certain write
EARLY = 0.25                # of all cuts come while the machine starts
START_S = 120
PROOF_CUTS = 20             # a fault of the rig's own has to be found by then
BAD = re.compile(
    r"compromised|misbehaving|is killed|accuses|is damaged|quarantine|"
    r"out of memory|ended with status|was ended by signal|"
    r"EXT4-fs (\(\S+\): )?error|EXT4-fs warning|XFS .*([Cc]orrupt|[Ss]hutt)|"
    r"BTRFS (error|critical)|I/O error|Kernel panic|Oops|BUG:")


class Rig:
    """One file system on one disk, through all its cuts."""

    def __init__(self, base, boot, fs, seed, is_lying=False):
        self.base, self.fs, self.seed = base, fs, f"{seed}/{fs}"
        self.rng, self.ledger = random.Random(self.seed), Ledger()
        self.signer = Signer(hashlib.sha256(self.seed.encode()).digest())
        self.port, self.fates = free_port(), collections.Counter()
        self.cuts, self.start_s, self.number = 0, 5.0, 0
        self.unfinished = 0     # files, before dm-store had recovered
        sector = FILE_SYSTEMS[fs][1]
        self.server = Server(base / "disk", self.make_disk(sector, is_lying),
                             self.seed)
        self.machine = Machine(base, boot, base / "disk", sector, self.port)

    def make_disk(self, sector, is_lying):
        image = self.base / "image"
        with open(image, "wb") as file:
            file.truncate(SIZE)
        subprocess.run([*FILE_SYSTEMS[self.fs][0], image], check=True,
                       capture_output=True)
        disk = Disk(SIZE, sector, is_lying)
        disk.load(image)
        image.unlink()
        return disk

    # --- one life of the machine ----

    def start(self):
        for path in (self.machine.console, self.machine.report):
            path.unlink(missing_ok=True)
        self.server.begin()
        self.machine.start()
        self.number += 1

    def wait_ready(self):
        begin = time.monotonic()
        eventually(lambda: self.machine.is_ready() or self.machine.failures(),
                   START_S, "the machine does not start")
        self.start_s = time.monotonic() - begin

    def judge(self):
        """What a start shows."""
        ledger, machine, at = self.ledger, self.machine, f"start {self.number}"
        for line in machine.failures():
            ledger.violate(f"{at}: {line}")
        for line in machine.log().splitlines():
            if BAD.search(line):
                ledger.violate(f"{at}: log: {line}")
        for name, digest in machine.listing("early").items():
            if (name, digest) not in ledger.by_content:
                self.unfinished += 1
        for name in machine.listing("quarantined"):
            ledger.violate(f"{at}: quarantine/{name}")
        if machine.is_ready():
            self.judge_files(at, machine.listing("late"))

    def judge_files(self, at, shown):
        self.ledger.judge_digests(at, shown)
        for name, digest in shown.items():      # read by whoever liked to
            version = self.ledger.by_content.get((name, digest))
            best = self.ledger.best.get(name)
            if version and (best is None or version.rank > best.rank):
                self.ledger.best[name] = version

    def load(self, seconds, writes):
        writers = [Writer(i, self.port, self.ledger, self.signer,
                          f"{self.seed}/{self.number}/{i}")
                   for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        self.server.wait(seconds, writes)
        self.machine.cut()
        for writer in writers:
            writer.is_over = True
        for writer in writers:
            writer.join()

    def live(self):
        """From power to its cut; False after a violation."""
        is_early = self.cuts > 0 and self.rng.random() < EARLY
        share, seconds = self.rng.random(), self.rng.uniform(*LOAD_S)
        writes = int(10 ** self.rng.uniform(0, 2.5))    # 1 to 316
        if self.rng.random() < BY_TIME:
            writes = 0
        self.start()
        if is_early:
            self.server.wait(share * self.start_s, writes)
            self.machine.cut()
        else:
            self.wait_ready()
            self.judge()
            if self.ledger.violations:
                return False
            self.load(seconds, writes)
        self.server.end()
        self.fates.update(self.server.order("cut"))
        self.cuts += 1
        return True

    def run(self, cuts, tell=None):
        """The violations, after so many cuts or at the first that shows."""
        try:
            while self.cuts < cuts and self.live():
                if tell:
                    tell(self)
            if not self.ledger.violations:
                self.start()
                self.wait_ready()
                self.judge()
                if not self.ledger.acknowledged:
                    self.ledger.violate("no upload was acknowledged")
        except AssertionError as error:
            self.ledger.violate(f"start {self.number}: {error}")
        return self.ledger.violations

    def save(self, place):
        """The disk as the last start found it, and the logs."""
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self.machine.cut()
        self.server.end()
        self.server.order("save", place / "image")
        for name in ("console", "report", "qemu"):
            shutil.copy(self.base / name, place)

    def close(self):
        if self.machine.process:
            self.machine.cut()
        self.server.close()


class Rigs:
    """What all rigs of a run have in common."""

    def __init__(self, base, seed):
        self.base, self.seed = base, seed
        self.home = BUILD / "powercut"
        self.home.mkdir(exist_ok=True)
        self.tree = guest.fetch_kernel(self.home)
        self.kernel = guest.bare_kernel(self.tree)
        self.accelerator = accelerator(self.kernel)
        self.count = 0

    def make(self, fs, preload=None, is_lying=False):
        self.count += 1
        base = self.base / str(self.count)
        base.mkdir()
        files = "".join(f'"{folder}/*" = ["{{key}}"]\n' for folder in
                        [*(f"w{i}" for i in range(WRITERS)), "s"])
        signer = Signer(hashlib.sha256(f"{self.seed}/{fs}".encode()).digest())
        config = ('state_dir = "/disk/data-mesher"\n[http]\n'
                  'interface = "eth0"\n[limits]\n'
                  'history_size = "16M"\n[files]\n' +
                  files.replace("{key}", signer.text))
        guest.build(base / "initramfs", self.tree, fs, BUILD, config, preload)
        boot = self.kernel, base / "initramfs", self.accelerator
        return Rig(base, boot, fs, self.seed, is_lying)

    def prove(self, what, fs, **fault):
        """Whether the rig finds a fault that is there."""
        rig = self.make(fs, **fault)
        try:
            found = rig.run(PROOF_CUTS)
            print(f"proof on {fs}: {what}: " + (
                f"found after {rig.cuts} cuts: {found[0]}" if found else
                f"NOT FOUND in {rig.cuts} cuts"), flush=True)
            return bool(found)
        finally:
            rig.close()

    def run(self, fs, cuts):
        """The number of violations."""
        begin, rig = time.monotonic(), self.make(fs)

        def tell(rig):
            if rig.cuts % 10 == 0:
                print(f"{fs}: {rig.cuts} cuts, {rig.ledger.acknowledged} "
                      f"acknowledged, {time.monotonic() - begin:.0f} s",
                      flush=True)
        try:
            found = rig.run(cuts, tell)
            for text in found:
                print(f"VIOLATION: {fs}: {text}")
            if found:
                rig.save(self.home / f"found-{fs}")
                print(f"disk and logs are in {self.home}/found-{fs}")
            print(f"{fs}: {rig.cuts} cuts, {rig.ledger.acknowledged} uploads "
                  f"acknowledged, cached writes at the cuts " + ", ".join(
                      f"{k} {n}" for k, n in sorted(rig.fates.items())) +
                  f"; {rig.unfinished} files unfinished before recovery; "
                  f"{len(found)} violations, "
                  f"{time.monotonic() - begin:.0f} s", flush=True)
            for code, n in sorted(rig.ledger.refused.items()):
                print(f"{fs}: not acknowledged: {code} {n}")
            return len(found)
        finally:
            rig.close()


def missing(fs):
    """Why a file system cannot be tried here, or None."""
    program = FILE_SYSTEMS[fs][0][0]
    return None if shutil.which(program) else f"{program} is missing"


def cut_all(options, base):
    """The exit status."""
    if not shutil.which(QEMU):
        raise guest.Missing(f"{QEMU} is missing")
    if os.uname().machine != "x86_64":
        raise guest.Missing("the rig knows the machines of x86_64 only")
    rigs = Rigs(base, options.seed)
    print(f"powercut: seed {options.seed}, {rigs.tree.name}, "
          f"{rigs.accelerator}", flush=True)
    bad, usable = 0, []
    for fs in options.fs.split(","):
        why_not = missing(fs)
        if why_not:
            print(f"skip: {fs}: {why_not}")
        else:
            usable.append(fs)
    if usable and not options.unproven:
        bad += not rigs.prove("a disk that lies about flushes", usable[0],
                              is_lying=True)
        bad += not rigs.prove("a dmd that never flushes", usable[0],
                              preload=BUILD / "powercut" / "no_sync.so")
    for fs in usable:
        bad += rigs.run(fs, options.cuts)
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--fs", default="ext4,xfs,btrfs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unproven", action="store_true",
                        help="leave out the proof that faults are found")
    options = parser.parse_args()
    if set(options.fs.split(",")) - set(FILE_SYSTEMS):
        parser.error(f"--fs is some of {','.join(FILE_SYSTEMS)}")
    base = pathlib.Path(tempfile.mkdtemp(prefix="dmd-powercut."))
    try:
        return cut_all(options, base)
    except guest.Missing as why:
        print(f"skip: powercut: {why}")
        return 0
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    sys.exit(main())
