# SPDX-License-Identifier: ISC
"""What an administrator reads at level info: each event once, with whom it
concerns."""

import re
import time

from conftest import set_clock
from mesh import Client, content, put, spread, wait
from versions import Signer, Version

SIGNER = Signer()
INFO = {"": {"log_level": "info"}}


def lines(node, pattern):
    return [line for line in node.log().splitlines()
            if re.search(pattern, line)]


def test_stored_and_refused_say_who(mesh):
    mesh.files = {"a": [SIGNER.text]}
    first, second = mesh.grow(2, **INFO)
    spread(mesh.nodes, first, "a", b"one", SIGNER)
    [line] = lines(first, "info: stored a: ")
    assert re.search(r"3 bytes, signed 20\d\d-\S+Z by SHA256:\S{43}, from "
                     r"\S+$", line), line
    wait(mesh.nodes, lambda: lines(second, "info: stored a: "))
    [line] = lines(second, "info: stored a: ")
    assert line.endswith(", from " + first.peer_id()), line

    put(first, Version("a", b"two", Signer()))
    put(first, Version("nobody", b"two", SIGNER))
    wait(mesh.nodes, lambda: lines(first, "refused nobody: unknown-file"))
    [line] = lines(first, "info: refused a: unknown-signer")
    assert re.search(r"signed by SHA256:\S{43}, from \S+$", line), line
    assert not lines(second, "info: refused")


def test_the_same_refusal_is_told_once(mesh):
    node = mesh.add(**INFO)
    version = Version("nobody", b"x", SIGNER)
    for _ in range(20):
        assert put(node, version).status == 403
    assert len(lines(node, "refused nobody")) == 1


NAMES = [f"n{i}" for i in range(500)]
BURST, PER_SECOND = 200, 20         # lines, as in dm-store/store_log.h


def put_all(node, **more):
    versions = [Version(n, b"x", SIGNER, **more) for n in NAMES]
    with Client(node) as client:
        for version in versions:
            assert client.put(version).status == 201


def wait_cut_short(node, one, more, since):
    """Each of NAMES is told of in a line of its own or in a number, and the
    lines are no more than the time allowed: a machine that is slow enough has
    one for each."""
    def counted():
        return len(lines(node, one)) + sum(
            int(re.search(more, line)[1]) for line in lines(node, more))
    wait([node], lambda: counted() == len(NAMES))
    seconds = 2 + int(time.monotonic() - since)
    assert len(lines(node, one)) <= BURST + PER_SECOND * seconds


def test_many_at_once_are_cut_short(mesh):
    """A node that joins gets what all the others had over time."""
    mesh.files = {n: [SIGNER.text] for n in NAMES}
    put_all(mesh.add())
    since = time.monotonic()
    wait_cut_short(mesh.add(**INFO), "info: stored n",
                   r"info: stored (\d+) more versions without", since)


def test_many_that_expire_are_cut_short(make_shifted):
    """The clock goes past the end of all of them at once."""
    node = make_shifted(files={n: [SIGNER.text] for n in NAMES}, **INFO)
    node.start()
    put_all(node, valid_for=3600)
    since = time.monotonic()
    set_clock(node.programs, 2 * 3600 * 10**9)
    wait_cut_short(node, r"info: n\d+ has expired",
                   r"info: (\d+) more files have expired without",
                   since)
    # told of first, then removed
    wait([node], lambda: not any((node.state / "files").iterdir()))


def test_peers_that_come_and_go(mesh):
    mesh.files = {"a": [SIGNER.text]}
    first, second = mesh.grow(2, **INFO)
    peer = "peer=" + second.peer_id()
    assert len(lines(first, rf"info: connected (to|from) address=\S+ {peer}"
                     )) == 1
    second.stop()
    wait([first], lambda: lines(first, rf"info: disconnected \S+ {peer}"))
    # dialled again and again, told once
    retried = time.monotonic() + 4
    wait([first], lambda: time.monotonic() > retried)
    assert len(lines(first, "info: disconnected")) == 1
    assert len(lines(first, f"cannot reach {peer}")) <= 1
    assert not lines(second, "info: disconnected")  # it stopped: no news


def test_a_name_that_cannot_be_looked_up_is_named(mesh):
    stranger = mesh.add().peer_id()
    node = mesh.add(bootstrap=[f"/dns/nowhere.invalid/tcp/1/p2p/{stranger}"],
                    **INFO)
    node.wait_log(rf"cannot reach peer={stranger}: nowhere\.invalid: \S+")


def test_start_reload_and_a_killed_process(mesh):
    node = mesh.add(**INFO)
    [line] = lines(node, "info: ready: ")
    assert str(node.toml) in line and node.peer_id() in line
    node.config["http"]["interfaces"] = ["dm-nowhere0"]
    node.config["files"]["a"] = [SIGNER.text]
    node.write_config()
    assert node.ask("reload").verdict == "ok"
    node.wait_log(r"warn: no interface dm-nowhere0 on this machine")
    node.wait_log(r"info: reloaded: .*1 added")
    node.signal_child("dm_store", 9)
    node.wait_log(r"error: dm-store \(pid \d+\) was ended by signal 9")
    node.wait_log(r"warn: dm-store runs again \(pid \d+\)")
    assert content(node, "a") is None
