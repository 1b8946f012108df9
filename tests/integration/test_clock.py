# SPDX-License-Identifier: ISC
"""A node whose clock was ahead: its peer record carries that clock."""
import pytest

from conftest import eventually, free_port, set_clock
from mesh import Mesh, address, connected

DAY = 86400 * 10**9


@pytest.fixture
def shifted(net, make_shifted):
    """make_node() of programs whose wall clock the test sets."""
    if not net.namespaces:
        pytest.skip("needs network namespaces")
    return make_shifted


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
