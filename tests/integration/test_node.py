# SPDX-License-Identifier: ISC
"""A whole node: dmd with the real dm-net and dm-store."""

import pathlib
import signal
import urllib.error
import urllib.request

import pytest

from conftest import IS_ROOT, eventually
from rights import needs_proc

CHILDREN = ("dm_net", "dm_store", "resolver")
LAYERS = {"seccomp", "no-new-privs", "capabilities", "rlimits"}


def healthz(node):
    try:
        with urllib.request.urlopen(node.url("/healthz"), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_node_starts_serves_and_stops(node):
    node.start()
    assert healthz(node) == 200
    status = node.status()
    for child in CHILDREN:
        assert status[f"{child}_state"] == ["ready"]
        layers = set(status[f"{child}_sandbox"][0].split())
        assert LAYERS <= layers, (child, layers)
        if IS_ROOT:
            assert "user" in layers
    assert node.stop() == 0
    assert not node.socket.exists()
    assert "error:" not in node.log(), node.log()


@pytest.mark.parametrize("child", CHILDREN)
def test_killed_child_comes_back_and_the_node_serves(node, child):
    node.start()
    before = node.pid(child)
    node.signal_child(child, signal.SIGKILL)
    eventually(lambda: node.pid(child) not in (0, before))
    node.wait_ready()
    eventually(lambda: healthz(node) == 200)
    for part in ("status_net", "status_store"):
        assert node.ask(part).verdict == "ok"


@needs_proc
def test_no_descriptor_leaks_into_the_real_children(node):
    node.start()
    for child in CHILDREN:
        for path in pathlib.Path(f"/proc/{node.pid(child)}/fd").iterdir():
            target = str(path.readlink())
            assert not target.endswith(("identity.key", "lock", "dm.toml",
                                        "control.sock")), (child, target)


def test_reload_while_serving(node):
    node.start()
    node.config["files"]["a"] = []
    node.write_config()
    assert node.ask("reload").verdict == "ok"
    assert healthz(node) == 200
    assert node.status()["dm_net_restarts"] == [0]
    assert node.status()["dm_store_restarts"] == [0]
