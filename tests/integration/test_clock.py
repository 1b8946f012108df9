# SPDX-License-Identifier: ISC
"""A node whose clock was ahead: its peer record carries that clock."""
import shutil
import struct

import pytest

from conftest import BUILD, _nodes, eventually, free_port
from mesh import Mesh, address, connected

DAY = 86400 * 10**9
CHILDREN = "dmd", "dm-net", "dm-store"


@pytest.fixture
def shifted(tmp_path, users, net):
    """make_node() of programs whose wall clock the test sets by a file."""
    if not net.namespaces:
        pytest.skip("needs network namespaces")
    if not all((BUILD / "chaos" / p).is_file() for p in CHILDREN):
        pytest.skip("the programs with a clock to set are not built")
    programs = tmp_path / "programs"
    programs.mkdir(mode=0o755)
    for program in CHILDREN:
        shutil.copy(BUILD / "chaos" / program, programs)
    set_clock(programs, 0)
    base = tmp_path / "shifted"
    base.mkdir(mode=0o755)
    with _nodes(base, programs) as make:
        yield make


def set_clock(programs, shift_ns):
    clock = programs / "clock"
    clock.touch()
    with open(clock, "r+b") as f:
        f.write(struct.pack("=q", shift_ns))


def refused_from(node, peer):
    return [r for r in node.ask("rejects").rows
            if (r[4], r[-1]) == ("signed-in-future", peer)]


def test_addresses_after_a_clock_that_was_ahead(mesh, shifted):
    """It starts once with a clock of tomorrow, then with the right one at
    another port. A node that hears of it from a peer that saw both finds it:
    itself it listens where nobody else can reach it."""
    a = Mesh(shifted, mesh.net).add(start=False, bootstrap=[])
    set_clock(a.programs, DAY)
    a.start()
    peer = a.peer_id()
    b = mesh.add(bootstrap=[a])
    eventually(lambda: peer in connected(b))
    eventually(lambda: refused_from(b, peer))
    a.stop()
    set_clock(a.programs, 0)
    a.config["cluster"].update(
        port=free_port(), bootstrap_peers=[address(b)])
    a.start()
    eventually(lambda: peer in connected(b))
    c = mesh.add(bootstrap=[b], cluster={"interface": "127.0.0.1"})
    eventually(lambda: peer in connected(c))
    a.stop()


def test_a_clock_that_is_set_while_it_runs(mesh, shifted):
    """Its addresses do not change, but its record does."""
    a = Mesh(shifted, mesh.net).add(start=False, bootstrap=[])
    set_clock(a.programs, DAY)
    a.start()
    peer = a.peer_id()
    b = mesh.add(bootstrap=[a])
    eventually(lambda: refused_from(b, peer))
    c = mesh.add(bootstrap=[b], cluster={"interface": "127.0.0.1"})
    eventually(lambda: b.peer_id() in connected(c))
    assert peer not in connected(c)
    set_clock(a.programs, 0)
    eventually(lambda: peer in connected(c))
    a.stop()
