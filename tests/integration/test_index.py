# SPDX-License-Identifier: ISC
"""The index is given up for what is in it, never for what happened to the
process that has it open."""
import os
import pathlib
import re
import signal
import struct
import time

import wire
from conftest import BUILD, PATIENCE, eventually
from mesh import content, files, put, put_ok
from rights import needs_proc
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


def next_start(node, killed):
    """dm-store as soon as it has its index open again."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        pid = store_of(node)
        if pid not in (0, killed) and has_index(pid):
            return pid
    raise AssertionError("dm-store does not start again")


def fill(node):
    """Many files, and one that was deleted: as it was before."""
    for i in range(MANY):
        put_ok(node, Version(f"dir/{i}", b"content", SIGNER))
    at = now()
    old = Version("dir/gone", b"old", SIGNER, at)
    put_ok(node, old)
    put_ok(node, Version("dir/gone", None, SIGNER, at + 1))
    assert put(node, old).status == 409
    return old


def assert_nothing_is_back(node, old):
    assert put(node, old).status == 409
    assert len(files(node)) == MANY
    assert content(node, "dir/0") == b"content"
    assert status(node, "wanted") == 0
    assert quarantined(node) == []


@needs_proc
def test_starts_that_are_ended_condemn_no_index(make_node):
    """As the OOM killer does it: in one start after another. What was deleted
    stays deleted, and what is there is served."""
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    old = fill(node)
    killed = node.pid("dm_store")
    os.kill(killed, signal.SIGKILL)
    for _ in range(4):
        killed = next_start(node, killed)
        os.kill(killed, signal.SIGKILL)
    node.wait_ready()
    assert_nothing_is_back(node, old)
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
    node.wait_log(r"the index is damaged \(page 0 does not begin with the "
                  r"magic number of LMDB\): making a new one", since)
    node.wait_log(r"moved the damaged index to quarantine/index-\d+; 41 of "
                  "its records are in the new index, 41 of them from pages "
                  "outside of every table; 0 names have lost their record", since)
    assert [put(node, version).status for version in old] == [409] * 40
    assert files(node) == {"dir/kept": b"content"}
    assert status(node, "wanted") == 0
    assert len(quarantined(node)) == 1
    node.stop()
    node.start()
    assert put(node, old[0]).status == 409
    assert len(quarantined(node)) == 1


def order(node, text):
    """To the stand-in for dm-net, as the fields of a command that it owns."""
    header = wire.request("peers")[:6] + struct.pack("<H", len(text))
    try:
        wire.ask_raw(node.socket, header + text)
    except ConnectionResetError:
        pass  # it obeyed, and was ended before it read on


@needs_proc
def test_accusations_empty_no_node(make_node, hostile_net_programs):
    """dm-net was taken over: it accuses dm-store in one start after another,
    and then sends what was deleted."""
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    old = fill(node)
    node.stop()
    node.programs = hostile_net_programs
    node.start()
    before, since = node.pid("dm_store"), len(node.log())
    for _ in range(4):
        def accused():
            order(node, b"accuse")
            return store_of(node) != before
        eventually(accused)
        before = next_start(node, before)
    assert len(re.findall("dm-store .* looks compromised and is killed",
                          node.log()[since:])) >= 4
    node.wait_ready()
    eventually(lambda: node.pid("dm_store") == store_of(node))

    def answered():
        order(node, old.entry())
        return re.search(r"standin: put: ([\w-]+)", node.log()[since:])
    assert eventually(answered).group(1) == "not-newer"
    assert content(node, "dir/gone") is None
    node.stop()
    node.programs = BUILD
    node.start()
    assert_nothing_is_back(node, old)
