# SPDX-License-Identifier: ISC
"""A change that concerns many names: dm-store answers while it works on it."""
import subprocess

import pytest

from conftest import BUILD, IS_ASAN, eventually
from mesh import reload
from test_scrub import status
from versions import Signer

FILL = BUILD / "tests/bench/store_load"
MANY = 2000 if IS_ASAN else 4_000
FIRST, OTHER = Signer(), Signer()


def names_of(signer):
    return {f"f{i}/*": [signer.text] for i in range(16)}


@pytest.fixture
def filled(make_node, tmp_path):
    FIRST.write(tmp_path)
    (tmp_path / "key.pub").write_text(FIRST.text + "\n")
    node = make_node(files=names_of(FIRST),
                     limits={"max_records_per_signer": 1000000})
    node.start()
    node.stop()
    subprocess.run([FILL, "fill", node.state, tmp_path / "key.pub", "f",
                    str(MANY), "files"], check=True)
    node.start()
    eventually(lambda: status(node, "files") == MANY)
    return node


def change(node, signer):
    node.config["files"] = names_of(signer)
    node.write_config()
    reload(node)


def half_done(node):
    """What it says of itself in the middle of it."""
    return 0 < status(node, "files") < MANY


def test_a_change_of_signers(filled):
    node = filled
    pid = node.pid("dm_store")
    change(node, OTHER)
    eventually(lambda: half_done(node))
    # and it obeys
    since = len(node.log())
    assert node.stop() == 0
    assert "is killed" not in node.log()[since:]
    assert f"dm-store (pid {pid})" not in node.log()
    # the next start goes on with it
    node.start()
    eventually(lambda: status(node, "files") == 0)
