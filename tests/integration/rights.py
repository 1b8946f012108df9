# SPDX-License-Identifier: ISC
"""The rights of the tests' own process, and what its machine has. Root in a
container lacks some of them; a test that needs one is skipped, and the skip
names it."""
import contextlib
import os
import pathlib
import re
import socket
import subprocess

import pytest

CAP_SYS_PTRACE = 19         # linux/capability.h


def has_capability(number):
    status = pathlib.Path("/proc/self/status").read_text()
    effective = re.search(r"^CapEff:\s+(\w+)", status, re.M).group(1)
    return bool(int(effective, 16) >> number & 1)


#: whether /proc shows the descriptors and the root of other users' processes
SEES_PROCESSES = os.geteuid() == 0 and has_capability(CAP_SYS_PTRACE)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_proc = pytest.mark.skipif(
    not SEES_PROCESSES,
    reason="children are not dumpable: only root with CAP_SYS_PTRACE sees "
           "their descriptors")


def knows_localhost():
    try:
        return socket.gethostbyname("localhost") == "127.0.0.1"
    except OSError:
        return False


needs_localhost = pytest.mark.skipif(
    not knows_localhost(), reason="/etc/hosts does not have localhost")


@contextlib.contextmanager
def mounted(path, *args):
    """`mount ARGS PATH`, undone at the end."""
    made = subprocess.run(["mount", *args, path], capture_output=True,
                          text=True)
    if made.returncode != 0:
        pytest.skip(f"cannot mount: {made.stderr.splitlines()[0]}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)
