# SPDX-License-Identifier: ISC
"""The index is given up for what is in it, never for what happened to the
process that has it open."""
import os
import pathlib
import signal
import time

from conftest import PATIENCE
from mesh import content, files, put, put_ok
from test_bad_disk import data, zero_head
from test_scrub import quarantined, status
from versions import Signer, Version, now

SIGNER = Signer()
MANY = 300


def has_index(pid):
    """That process has mapped the index."""
    try:
        return "data.mdb" in pathlib.Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return False


def store_of(node):
    """The process whose channel and state are those of dm-store."""
    children = pathlib.Path(
        f"/proc/{node.process.pid}/task/{node.process.pid}/children")
    for pid in children.read_text().split():
        try:
            comm = pathlib.Path(f"/proc/{pid}/comm").read_text()
        except OSError:
            continue
        if "store" in comm:
            return int(pid)
    return 0


def kill_next_start(node, killed):
    """dm-store is ended as soon as it has its index open."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid = store_of(node)
        if pid not in (0, killed) and has_index(pid):
            os.kill(pid, signal.SIGKILL)
            return pid
    raise AssertionError("dm-store does not start again")


def test_starts_that_are_ended_condemn_no_index(make_node):
    """As the OOM killer does it: in one start after another. What was deleted
    stays deleted, and what is there is served."""
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    for i in range(MANY):
        put_ok(node, Version(f"dir/{i}", b"content", SIGNER))
    at = now()
    old = Version("dir/gone", b"old", SIGNER, at)
    put_ok(node, old)
    put_ok(node, Version("dir/gone", None, SIGNER, at + 1))
    assert put(node, old).status == 409
    killed = node.pid("dm_store")
    os.kill(killed, signal.SIGKILL)
    for _ in range(4):
        killed = kill_next_start(node, killed)
    node.wait_ready()
    assert put(node, old).status == 409
    assert len(files(node)) == MANY
    assert content(node, "dir/0") == b"content"
    assert status(node, "wanted") == 0
    assert quarantined(node) == []
    node.wait_log("the last run did not end in order; the index was checked, "
                  r"and is sound: \d+ rows on \d+ pages")


def test_what_is_whole_in_a_damaged_index_survives(make_node):
    """A node that has no peers: what was deleted stays deleted, and what is
    there is served, though the pages that lead to all others are gone."""
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    at = now()
    old = [Version(f"dir/{i}", b"old", SIGNER, at) for i in range(40)]
    for version in old:
        put_ok(node, version)
        put_ok(node, Version(version.name, None, SIGNER, at + 1))
    put_ok(node, Version("dir/kept", b"content", SIGNER))
    node.stop()
    zero_head(data(node))
    since = len(node.log())
    node.start()
    node.wait_log(r"the index is damaged \(page 0 does not begin as an index "
                  r"does\): what is whole in it is read out", since)
    node.wait_log(r"the damaged index is kept as quarantine/index-\d+; 41 "
                  "records were found in it, 41 of them on pages that no "
                  "table led to; 0 names have lost their record", since)
    assert [put(node, version).status for version in old] == [409] * 40
    assert files(node) == {"dir/kept": b"content"}
    assert status(node, "wanted") == 0
    assert len(quarantined(node)) == 1
    node.stop()
    node.start()
    assert put(node, old[0]).status == 409
    assert len(quarantined(node)) == 1
