# SPDX-License-Identifier: ISC
"""dmd as the first process of a container: whoever loses his parent there
becomes its child."""

import pathlib
import shutil
import subprocess

import pytest

from conftest import IS_ROOT, eventually

pytestmark = pytest.mark.skipif(
    not IS_ROOT or not shutil.which("unshare") or subprocess.run(
        ["unshare", "--pid", "--fork", "true"]).returncode != 0,
    reason="needs a namespace of processes")


def children(pid):
    """{pid: state} of a process's children."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        state, parent = text.rsplit(")", 1)[1].split()[:2]
        if int(parent) == pid:
            found[int(path.parent.name)] = state
    return found


@pytest.fixture
def first(parent):
    """A dmd that is process 1, and its number outside."""
    parent.prefix = ["unshare", "--pid", "--fork", "--kill-child",
                     "--mount-proc"]
    parent.start()
    (pid,) = children(parent.process.pid)
    yield parent, pid
    parent.ask("stop")
    assert parent.wait_exit() == 0


def leave_orphans(pid, count):
    """Processes in the namespace whose parent has ended before them."""
    subprocess.run(["nsenter", "-t", str(pid), "-p", "sh", "-c",
                    f"for i in $(seq {count}); do sleep 0.2 & done"],
                   check=True)


def test_children_of_others_are_reaped(first):
    node, pid = first
    leave_orphans(pid, 20)
    assert len(children(pid)) > 3
    eventually(lambda: len(children(pid)) == 3,
               message=f"left: {children(pid)}")
    node.wait_log("debug: process .*, which dmd did not start, has ended")
    assert "Z" not in children(pid).values()


def test_own_children_are_told_from_them(first):
    """Many ends at once are one signal: none is missed or mistaken."""
    node, pid = first
    old = node.pid("dm_net")
    leave_orphans(pid, 20)
    subprocess.run(["nsenter", "-t", str(pid), "-p", "-m", "sh", "-c",
                    f"kill -9 {old}"], check=True)
    eventually(lambda: node.pid("dm_net") not in (0, old))
    eventually(lambda: len(children(pid)) == 3)
    status = node.status()
    assert status["dm_net_restarts"] == [1]
    assert status["dm_store_restarts"] == status["resolver_restarts"] == [0]
    assert "error: process" not in node.log()
