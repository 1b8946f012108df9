# SPDX-License-Identifier: ISC
"""Hostile peers against a node in its sandbox: each does one wrong thing
(tests/hostile). It costs the attacker its connection, the others nothing: right
after it a good peer is served, dmd answers, and dm-net is as large as before."""
import concurrent.futures
import contextlib
import itertools
import json
import pathlib
import re
import socket
import subprocess
import time

import pytest

import conftest
from conftest import BUILD, IS_ASAN, answers_at_once, eventually
from mesh import ask

HOSTILE = BUILD / "tests/integration/hostile"
CPEER = BUILD / "tests/interop/cpeer"
#: KiB of memory that dm-net may have in use, whatever comes
CEILING = 1 << 20 if IS_ASAN else 48 << 10
#: seconds for "at once"; a sanitizer build is slow
AT_ONCE = 10 if IS_ASAN else 2

#: cut at once, and named in the log
WRONG = """plain_garbage plain_http varint_long varint_large varint_not_minimal
varint_zero no_newline proposals tls_garbage tls_12 tls_alpn cert_none cert_two
cert_explicit cert_explicit_chain cert_rsa cert_expired cert_binding cert_critical cert_no_extension
cert_self_signature muxer_garbage muxer_proposals yamux_version yamux_type
yamux_flags yamux_syn_ack yamux_syn_rst yamux_parity yamux_id_0 yamux_data_id_0
yamux_syn_data yamux_length yamux_pong yamux_ping_id yamux_ping_flags
yamux_away_id yamux_garbage yamux_reused yamux_overflow yamux_overflow_later
yamux_window yamux_after_fin""".split()
#: the good-bye of a peer, whatever its code
AWAY = "away_normal away_protocol away_internal away_other".split()
#: odd, and nobody's business
ODD = ["yamux_after_end"]
#: nothing comes of these but a time-out
SLOW = "plain_slow plain_silent tls_slow tls_silent muxer_slow".split()
#: as fast as they can for 3 s: cut off or only slowed down, as it suits
FLOODS = """proposals_unread syns syns_unread streams streams_unread pings
pings_unread identify_streams identify_push identify_endless stream_garbage
never_reads yamux_slow""".split()


@pytest.fixture(scope="module")
def target(tmp_path_factory, users, programs):
    for program in HOSTILE, CPEER:
        if not program.exists():
            pytest.fail(f"not built: {program}")
    path = tmp_path_factory.mktemp("hostile")
    with conftest._nodes(path, programs) as make:
        node = make()
        node.start()
        node.address = node.multiaddr()
        yield node


_sources = itertools.count()


def hostile(node, name, seconds=20, source=None):
    """Whether it was cut off, how it is called in the log, seconds. From an
    address of its own: the log names each only a few times a minute."""
    if source is None:
        n = next(_sources)
        source = f"127.2.{n // 250}.{n % 250 + 1}"
    start = time.monotonic()
    out = subprocess.run(
        [HOSTILE, str(node.p2p_port), name, str(seconds), source], check=True,
        capture_output=True, text=True, timeout=seconds + 60).stdout.split()
    return (out[0] == "closed", f"{source}:{out[1]}",
            time.monotonic() - start)


def memory_kib(node):
    status = pathlib.Path(f"/proc/{node.pid('dm_net')}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.M).group(1))


def assert_good_peer(node):
    start = time.monotonic()
    done = subprocess.run(
        [CPEER, "dial", "-p", "/data-mesher/sync/1.0.0", node.address,
         "ping"],
        capture_output=True, text=True, timeout=60)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, results
    assert {r["name"] for r in results} == {"connect", "ping"}
    assert time.monotonic() - start < AT_ONCE, results


def assert_unharmed(node, pid):
    assert_good_peer(node)
    answers_at_once(lambda: node.status()["ready"] == [1])
    assert node.pid("dm_net") == pid
    assert memory_kib(node) < CEILING


def lines_about(node, address, port=""):
    return re.findall(
        r"misbehaving peer address=" + re.escape(address) + port +
        r' peer=(\S+) reason="([^"]+)"', node.log())


def hostile_connections(node):
    return node.ask("status_net").values()["hostile_connections"][0]


@pytest.fixture(scope="module")
def often(target):
    """One source that misbehaves 40 times: how many were counted, and when."""
    before = hostile_connections(target)
    for i in range(40):
        name = "plain_garbage" if i % 2 else "yamux_version"
        assert hostile(target, name, source="127.0.0.88")[0]
    return hostile_connections(target) - before


def test_often_is_named_seldom(target, often):
    """What the log leaves out is counted all the same; others are named."""
    assert len(lines_about(target, "127.0.0.88:", r"\d+")) == 5
    assert often == 40
    _, address, _ = hostile(target, "plain_garbage")
    eventually(lambda: lines_about(target, address))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_is_cut_off_and_named_once(target, name):
    pid = target.pid("dm_net")
    is_closed, address, seconds = hostile(target, name)
    assert is_closed
    assert seconds < AT_ONCE + 1
    assert_unharmed(target, pid)
    lines = eventually(lambda: lines_about(target, address))
    assert len(lines) == 1, lines
    peer, reason = lines[0]
    assert (peer == "-") == (not name.startswith(("yamux", "muxer"))), lines


@pytest.mark.parametrize("name, reason", [
    ("cert_explicit", "certificate: a key that is not accepted"),
    ("cert_explicit_chain", "certificate: more than one"),
    ("cert_none", "certificate: none")])
def test_certificates_are_refused_for_their_bytes(target, name, reason):
    """The reasons are those of the look that comes before any decoding."""
    _, address, _ = hostile(target, name)
    lines = eventually(lambda: lines_about(target, address))
    assert [r for _, r in lines] == ["tls: " + reason]


@pytest.mark.parametrize("name", AWAY)
def test_going_away_is_no_misbehaviour(target, name):
    pid = target.pid("dm_net")
    is_closed, address, seconds = hostile(target, name)
    assert is_closed and seconds < AT_ONCE + 1
    assert_unharmed(target, pid)
    assert lines_about(target, address) == []


@pytest.mark.parametrize("name", ODD)
def test_odd_is_ignored(target, name):
    pid = target.pid("dm_net")
    is_closed, address, _ = hostile(target, name, 2)
    assert not is_closed
    assert_unharmed(target, pid)
    assert lines_about(target, address) == []


@pytest.mark.parametrize("name", FLOODS)
def test_flood(target, name):
    pid = target.pid("dm_net")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(hostile, target, name, 3)
        time.sleep(1)
        assert_unharmed(target, pid)  # in the midst of it, too
        _, address, _ = running.result()
    assert_unharmed(target, pid)
    assert len(lines_about(target, address)) <= 1


def test_slow_ones_are_cut_at_the_deadline(target):
    pid = target.pid("dm_net")
    with concurrent.futures.ThreadPoolExecutor(len(SLOW)) as pool:
        running = {n: pool.submit(hostile, target, n) for n in SLOW}
        time.sleep(3)
        assert_unharmed(target, pid)
        for name, one in running.items():
            is_closed, _, seconds = one.result()
            assert is_closed, name
            assert 8 < seconds < 13 + AT_ONCE, (name, seconds)
    assert_unharmed(target, pid)


#: KiB that a peer may cost, with its connection: the account
PEER_COST = 2048
HOARDERS = 8
#: KiB that all of them together leave behind
LEFT_BEHIND = 1024


@pytest.mark.parametrize("name, at_least", [
    ("hoards", 64),  # more than it may: that is reset
    ("hoards_quietly", 512)])
def test_what_a_peer_costs(make_node, name, at_least):
    """Many that open all the streams they may, fill them and never read; and
    are gone then, with all of it."""
    node = make_node()
    node.start()
    node.address = node.multiaddr()
    pid = node.pid("dm_net")
    assert_good_peer(node)
    before = memory_kib(node)
    with concurrent.futures.ThreadPoolExecutor(HOARDERS) as pool:
        running = [pool.submit(hostile, node, name, 7)
                   for _ in range(HOARDERS)]
        most = before
        while not all(one.done() for one in running):
            most = max(most, memory_kib(node))
            time.sleep(0.1)
    cost = (most - before) / HOARDERS
    assert cost > at_least, "they hoard nothing"
    if not IS_ASAN:
        assert cost < PEER_COST
        eventually(lambda: memory_kib(node) < before + LEFT_BEHIND)
    assert_unharmed(node, pid)


def test_who_never_reads_is_cut_off(target):
    pid = target.pid("dm_net")
    is_closed, _, seconds = hostile(target, "never_reads", 25)
    assert is_closed and seconds < 15 + AT_ONCE
    assert_unharmed(target, pid)


def connect(node, source):
    s = socket.socket()
    s.bind((source, 0))
    s.settimeout(5)
    s.connect(("127.0.0.1", node.p2p_port))
    return s


def greeting(s, seconds):
    """Whether the node takes notice of a connection."""
    s.settimeout(seconds)
    try:
        s.sendall(b"\x13/multistream/1.0.0\n")
        return s.recv(64).startswith(b"\x13")
    except OSError:
        return False


def test_flood_of_connections_from_one_address(target):
    """A good peer of another address does not notice."""
    pid = target.pid("dm_net")
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(connect(target, "127.0.0.66"))
        assert_unharmed(target, pid)


def test_flood_of_connections_from_many_addresses(target):
    """Those that are half-open are too many for a moment, not for ever."""
    pid = target.pid("dm_net")
    with contextlib.ExitStack() as stack:
        for i in range(600):
            stack.enter_context(
                connect(target, f"127.0.{1 + i // 200}.{1 + i % 200}"))
        time.sleep(0.2)
        assert target.status()["ready"] == [1]
        assert memory_kib(target) < CEILING
    eventually(lambda: greeting(connect(target, "127.0.0.1"), 2))
    assert_unharmed(target, pid)


def dropped_connections(node):
    return node.ask("status_net").values()["dropped_connections"][0]


def assert_handshake(node):
    """A good peer from 127.0.0.1, which has patience but tries once."""
    done = subprocess.run(
        [CPEER, "dial", "-p", "/data-mesher/sync/1.0.0", node.address,
         "ping"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_silent_ones_lock_out_nobody_at_their_address(target):
    before = dropped_connections(target)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            for _ in range(200):
                stack.enter_context(connect(target, "127.0.0.1"))
            assert_handshake(target)
    assert dropped_connections(target) > before


def test_few_addresses_lock_out_nobody_at_others(target):
    """They connect, say nothing, and have all places; a handshake of others
    gets in each time."""
    before = dropped_connections(target)
    with contextlib.ExitStack() as stack:
        for n in range(16 * 24):
            stack.enter_context(connect(target, f"127.3.{n % 16}.1"))
        for _ in range(8):
            assert_handshake(target)
        text = ask(target, "GET", "/metrics").body.decode()
    assert dropped_connections(target) > before
    dropped = re.search(
        r'^dm_dropped_connections_total\{limit="all"\} (\d+)', text, re.M)
    assert int(dropped.group(1)) >= 8


def test_many_from_one_address_are_slowed_not_locked_out(target):
    """A new rig of 200 sockets, right after its earlier ones closed."""
    source = "127.0.0.77"
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            start = time.monotonic()
            for _ in range(200):
                # as one who is refused does, it tries again
                def one():
                    s = stack.enter_context(connect(target, source))
                    return greeting(s, 5) and (s.close() or True)
                eventually(one, timeout=30)
            assert time.monotonic() - start < 30
    assert_good_peer(target)


def test_what_was_left_out_is_told(target, often):
    """The last one here, since it waits for a minute to pass."""
    line = target.wait_log(
        r"misbehaving peers: (\d+) more from 127\.0\.0\.88 in the last "
        r"minute$", timeout=90)
    assert int(line[1]) == 35
