# SPDX-License-Identifier: ISC
"""[cluster] perf: /perf/1.0.0 is there while it is configured, and only then."""
import json
import subprocess

from conftest import BUILD, eventually

CPEER = BUILD / "tests/interop/cpeer"
SYNC = "/data-mesher/sync/1.0.0"


def perf(node):
    """The outcome of 8 MiB sent and 8 MiB received."""
    done = subprocess.run(
        [CPEER, "dial", "-k", "8192", "-p", SYNC, node.multiaddr(), "perf"],
        capture_output=True, text=True, timeout=60)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert results[0]["ok"], results
    return results[1]


def test_perf_is_served_while_it_is_configured(make_node):
    node = make_node()
    node.start()
    assert perf(node)["error"] == "the stream ended with 3, not 0"  # refused
    node.config["cluster"]["perf"] = True
    node.write_config()
    node.ask("reload")
    eventually(lambda: perf(node)["ok"])
    node.config["cluster"]["perf"] = False
    node.write_config()
    node.ask("reload")
    eventually(lambda: perf(node)["error"] == "the stream ended with 1, not 0")
