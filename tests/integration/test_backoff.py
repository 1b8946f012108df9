# SPDX-License-Identifier: ISC
"""A peer that the node dials, and that misbehaves each time (hostile.c as a
listener): it is named, and left alone for longer and longer."""
import re
import subprocess
import time

import pytest

from conftest import eventually, free_port
from test_hostile import (HOSTILE, assert_good_peer, hostile_connections,
                          lines_about)

#: of hostile's seed
PEER = "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#: seconds that are watched
SPAN = 16


class Bad:
    """A bootstrap peer, and what it saw."""

    def __init__(self, tmp_path, attack, port):
        self.port = port
        self.path = tmp_path / attack
        with self.path.open("w") as out:
            self.process = subprocess.Popen(
                [HOSTILE, "listen", str(port), attack], stdout=out)
        eventually(lambda: "listening" in self.path.read_text())

    def dials(self):
        return [float(t) for t in self.path.read_text().split()[1:]]

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def dialling(make_node, tmp_path):
    """dialling(attack): a node, and the bad one that it knows of."""
    made = []

    def make(attack):
        if not HOSTILE.exists():
            pytest.fail(f"not built: {HOSTILE}")
        node = make_node()
        bad = Bad(tmp_path, attack, free_port())
        made.append(bad)
        node.config["cluster"]["bootstrap_peers"] = [
            f"/ip4/127.0.0.1/tcp/{bad.port}/p2p/{PEER}"]
        node.start()
        node.address = node.multiaddr()
        return node, bad
    yield make
    for bad in made:
        bad.end()


def test_back_off(dialling):
    """One that breaks the rules once its id is proved is named once and not
    dialled again for half a minute at least, whoever else comes. One that
    might be anybody is dialled again, at random and less and less often."""
    proved, bad = dialling("yamux_version")
    anybody, worse = dialling("plain_garbage")
    eventually(lambda: bad.dials() and worse.dials())
    start = time.monotonic()
    while time.monotonic() - start < SPAN:
        assert_good_peer(proved)
        assert_good_peer(anybody)
        time.sleep(1)

    assert len(bad.dials()) == 1
    [(peer, reason)] = lines_about(proved, f"127.0.0.1:{bad.port}")
    assert peer == PEER and "yamux" in reason
    assert hostile_connections(proved) == 1

    times = worse.dials()
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert 2 <= len(gaps) < SPAN
    assert len({round(gap, 2) for gap in gaps}) > 1
    for i, gap in enumerate(gaps):
        # and what passes until the next tick, on a busy machine
        assert gap < 0.05 + 0.5 * 2 ** i + 2, gaps
    assert max(gaps + [SPAN - (times[-1] - times[0])]) > 2, gaps
    named = lines_about(anybody, f"127.0.0.1:{worse.port}")
    assert 1 <= len(named) <= 5
    assert {peer for peer, _ in named} == {"-"}
    assert hostile_connections(anybody) == len(times)
    assert not re.search("cannot reach", proved.log())
