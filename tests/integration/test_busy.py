# SPDX-License-Identifier: ISC
"""A child that is busy is not taken for one that was taken over: it is told
each configuration once, one at a time, and it is waited for."""

import os
import re
import signal

from conftest import eventually
from mesh import content, put, put_ok
from versions import Signer, Version

SIGNER = Signer()
CHILDREN = ("dm_net", "dm_store", "resolver")


def told(node, child):
    """The generations that a stand-in was told."""
    return [int(n) for n in re.findall(
        rf"dmd\[{child}\]: info: standin: begin generation (\d+)",
        node.log())]


def write(node, names):
    node.config["files"] = {name: [SIGNER.text] for name in names}
    node.write_config()


def pids(node):
    return [node.pid(child) for child in CHILDREN]


def test_the_same_is_told_once(parent):
    parent.start()
    for _ in range(3):
        assert parent.ask("reload").verdict == "ok"
    write(parent, ["a"])
    parent.ask("reload")
    parent.wait_log(r"dmd\[net\].*name a,")
    parent.wait_log(r"dmd\[store\].*name a,")
    assert told(parent, "net") == told(parent, "store") == [1, 2]
    assert parent.status()["config_generation"] == [2]


def test_each_is_told_what_concerns_it(parent):
    parent.start()
    parent.config["cluster"]["allowed_peers"] = [
        "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"]
    parent.write_config()
    parent.ask("reload")
    parent.wait_log(r"dmd\[net\].*peer kind 1")
    assert told(parent, "net") == [1, 2]
    assert told(parent, "store") == [1]


def test_a_new_child_is_told_all(parent):
    parent.start()
    old = parent.pid("dm_store")
    parent.signal_child("dm_store", signal.SIGKILL)
    eventually(lambda: parent.pid("dm_store") not in (0, old))
    parent.wait_ready()
    assert told(parent, "store") == [1, 1]


def test_the_newest_waits_for_a_busy_child(parent):
    """Of ten changes while it does nothing it is told the last."""
    parent.start()
    parent.signal_child("dm_store", signal.SIGSTOP)
    for i in range(10):
        write(parent, [f"name{i}"])
        assert parent.ask("reload").verdict == "ok"
    parent.signal_child("dm_store", signal.SIGCONT)
    parent.wait_log(r"dmd\[store\].*name name9,")
    generations = told(parent, "store")
    assert generations[-1] == parent.status()["config_generation"][0] == 11
    assert len(generations) == 3, "the first, one under way, the newest"
    assert "dmd[store]: info: standin: name name5" not in parent.log()


def large(i):
    """A dm.toml of 13 MB, different for each i."""
    names = [f"config/of/something/{n:05}/{i:02}/" + 55 * "x"
             for n in range(95_000)]
    return (f'"mine{i}" = ["{SIGNER.text}"]\n' +
            "".join(f'"{name}" = ["{SIGNER.text}"]\n' for name in names))


def test_ten_large_reloads_in_a_row(make_node):
    """As of a deployment tool that writes file by file; dm-store does not come
    to read them in the meantime."""
    node = make_node(files={"d": [SIGNER.text]}, **{"": {"log_level": "info"}})
    node.start()
    before = pids(node)
    base = node.toml.read_text()
    put_ok(node, Version("d", b"before", SIGNER))
    node.signal_child("dm_store", signal.SIGSTOP)
    for i in range(10):
        text = base + large(i)
        assert len(text) > 13_000_000
        node.toml.write_text(text)
        assert node.ask("reload", timeout=60).verdict == "ok"
    os.kill(before[1], signal.SIGCONT)
    version = Version("mine9", b"the last is in force", SIGNER)
    eventually(lambda: put(node, version).status in (200, 201), timeout=60)
    assert content(node, "mine9") == version.content
    assert put(node, Version("mine8", b"", SIGNER)).status == 403
    assert pids(node) == before, node.log()
    assert "compromised" not in node.log()


def test_stop_waits_for_a_child_that_works(parent):
    """What it reads comes before the message that tells it to end; it reads
    for much longer than one that shows no sign of life is waited for."""
    write(parent, ["store/slow"])
    parent.start()
    write(parent, [f"{i:04}" + 200 * "x" for i in range(500)])
    assert parent.ask("reload").verdict == "ok"
    parent.wait_log(r"dmd\[store\].*name 0000")
    assert parent.stop() == 0
    log = parent.log()
    assert "dm-store is busy: it gets more time to end" in log
    assert "is killed" not in log
    assert "name 0499" in log


def test_stop_does_not_wait_for_a_child_that_stands_still(parent):
    parent.start()
    parent.signal_child("dm_store", signal.SIGSTOP)
    assert parent.stop() == 0
    assert "dm-store does not end by itself and is killed" in parent.log()
