# SPDX-License-Identifier: ISC
"""A virtual machine that can be cut from its power, and what it reports."""

import os
import pathlib
import re
import subprocess

QEMU = "qemu-system-x86_64"
CPUS = {"kvm": "host",
        "tcg": "qemu64,+rdrand,+ssse3,+sse4.1,+sse4.2,+popcnt"}
KERNEL = "console=ttyS0 quiet panic=-1 nokaslr mitigations=off " \
         "cryptomgr.notests"


def command(kernel, accelerator):
    return [QEMU, "-nodefaults", "-no-reboot", "-display", "none", "-m", "512",
            "-machine", f"pc,accel={accelerator}", "-cpu", CPUS[accelerator],
            "-kernel", str(kernel)]


def accelerator(kernel):
    """kvm where it works: it may be there and hang, as a guest in a guest."""
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        try:    # without a root file system the kernel ends at once
            done = subprocess.run(
                [*command(kernel, "kvm"), "-append", KERNEL], timeout=10,
                capture_output=True)
        except subprocess.TimeoutExpired:
            return "tcg"
        if done.returncode == 0:
            return "kvm"
    return "tcg"


class Machine:
    """base: a directory for its logs. boot: its kernel, initramfs and
    accelerator. socket: where its disk is, which writes sectors of so many
    bytes. port: of dmd's HTTP, on loopback."""

    def __init__(self, base, boot, socket, sector, port):
        kernel, initramfs, accel = boot
        self.base = pathlib.Path(base)
        self.console = self.base / "console"
        self.report = self.base / "report"
        self.command = [
            *command(kernel, accel), "-append", KERNEL,
            "-initrd", str(initramfs),
            "-serial", f"file:{self.console}",
            "-serial", f"file:{self.report}",
            "-drive", "if=none,id=disk,format=raw,cache=writeback,"
            f"file=nbd+unix:///?socket={socket}",
            "-device", "virtio-blk-pci,drive=disk,"
            f"logical_block_size={sector},physical_block_size={sector}",
            "-netdev", "user,id=net,restrict=on,"
            f"hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:7331",
            "-device", "virtio-net-pci,netdev=net,romfile="]
        self.process = None

    def start(self):
        with open(self.base / "qemu", "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def cut(self):
        """Its power; nothing that it holds in memory is written any more."""
        self.process.kill()
        self.process.wait()

    # --- what it said ----

    def lines(self):
        """The report, in whole lines."""
        if not self.report.exists():
            return []
        text = self.report.read_text(errors="replace")
        return text.replace("\r", "").split("\n")[:-1]

    def listing(self, kind):
        """{name: sha256} of the files that were reported as this kind."""
        found = re.findall(rf"^{kind} ([0-9a-f]{{64}})  \./(.+)$",
                           "\n".join(self.lines()), re.M)
        return {name: bytes.fromhex(digest) for digest, name in found}

    def failures(self):
        out = [line for line in self.lines() if line.startswith("failed:")]
        if self.process.poll() is not None:
            out.append(f"failed: qemu ended with {self.process.returncode}: " +
                       (self.base / "qemu").read_text())
        return out

    def is_ready(self):
        return "ready" in self.lines()

    def log(self):
        if not self.console.exists():
            return ""
        return self.console.read_text(errors="replace")
