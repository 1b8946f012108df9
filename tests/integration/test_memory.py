# SPDX-License-Identifier: ISC
"""Memory does not grow with the number and the size of files: by a bounded
amount a row in dm-net, which keeps a replica of the index, and not at all in
dm-store."""
import contextlib
import os
import re
import subprocess
import threading
import time

import pytest

from conftest import BUILD, IS_ASAN, eventually
from mesh import Client, ask, put_ok, wait_content
from test_scrub import call, status
from versions import Signer, Version

pytestmark = pytest.mark.skipif(
    IS_ASAN, reason="a sanitizer takes its own share")
SIGNER = Signer()
FILL = BUILD / "tests/bench/store_load"
FEW, MANY = 1000, 100_000
DIRS = {f"f{i}/*": [SIGNER.text] for i in range(16)}
MIB = 1024  # in KiB
#: what an allocator may keep for itself, whatever the work
SLACK = 4 * MIB


def anonymous(node, child):
    """KiB that are the process's own: no mapped index, no page cache."""
    with open(f"/proc/{node.pid(child)}/status") as f:
        return int(re.search(r"^RssAnon:\s+(\d+)", f.read(), re.M)[1])


@contextlib.contextmanager
def peak(*watched):
    """The most of each (node, child) meanwhile, in KiB."""
    most, is_over = [0] * len(watched), threading.Event()

    def look():
        while not is_over.is_set():
            for i, (node, child) in enumerate(watched):
                most[i] = max(most[i], anonymous(node, child))
            time.sleep(0.01)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        is_over.set()
        thread.join()


def filled(make_node, tmp_path, count):
    """A node with so many files, that is through with looking at them; how
    much dm-store and dm-net have taken until then."""
    SIGNER.write(tmp_path)
    node = make_node(files=DIRS, limits={"max_records_per_signer": 1000000})
    node.start()
    node.stop()
    subprocess.run([FILL, "fill", node.state, tmp_path / "key.pub", "f",
                    str(count), "files"], check=True)
    node.start()
    with peak((node, "dm_store"), (node, "dm_net")) as most:
        eventually(lambda: status(node, "records") == count)
        eventually(lambda: node.ask("status_net").values()
                   .get("index_complete", [0])[0])
        call(node, "fsck")
        assert ask(node, "GET", "/files").status == 200
        call(node, "list")
    return most


def test_rows(make_node, tmp_path):
    few = filled(make_node, tmp_path, FEW)
    many = filled(make_node, tmp_path, MANY)
    assert many[0] - few[0] < SLACK, (few, many)
    # 64 bytes a row on the wire, and what a trie needs around them
    assert many[1] - few[1] < SLACK + MANY * 100 // 1024, (few, many)


def large(nodes, name, size):
    """How much each process takes while one file comes and spreads."""
    body = os.urandom(1 << 20) * (size >> 20)
    watched = [(n, c) for n in nodes for c in ("dm_store", "dm_net")]
    with peak(*watched) as most:
        put_ok(nodes[0], Version(name, body, SIGNER))
        wait_content(nodes, name, body)
        with Client(nodes[1]) as client:
            assert client.ask("GET", f"/files/{name}").body == body
    return most


def test_one_large_file(mesh):
    mesh.files = {"f/*": [SIGNER.text]}
    nodes = [mesh.add(limits={"max_file_size": "1G"}) for _ in range(2)]
    mesh.wait_connected()
    small = large(nodes, "f/small", 1 << 20)
    for most, before in zip(large(nodes, "f/large", 256 << 20), small):
        assert most - before < SLACK, (most, before)
