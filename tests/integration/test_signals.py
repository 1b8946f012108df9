# SPDX-License-Identifier: ISC
"""The signal state that dmd is started with, signals in its first moments, and
what a limit on the size of files (ulimit -f) or a closed pipe makes of it."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time

import pytest

from conftest import eventually
from mesh import ask, content, put, put_ok
from versions import Signer, Version

SIGNER = Signer()
HANDLED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
CHILDREN = ("dm_net", "dm_store", "resolver")


def spawn(node, before, stderr=None):
    """As node.spawn(), and before() runs in the new process."""
    node.write_config()
    with open(node.log_path, "ab") as log:
        node.process = subprocess.Popen(
            node.command("-d"), stdin=subprocess.DEVNULL, stdout=log,
            stderr=stderr or log, env=node.environment(),
            start_new_session=True, preexec_fn=before)


def block(*signals, pending=()):
    def before():
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        for number in pending:
            os.kill(os.getpid(), number)
    return before


def masks(pid):
    """The blocked and the ignored signals of a process."""
    lines = dict(line.split(":\t", 1) for line in
                 open(f"/proc/{pid}/status").read().splitlines()
                 if line.startswith("Sig"))
    return [{n for n in range(1, 65) if int(lines[key], 16) >> (n - 1) & 1}
            for key in ("SigBlk", "SigIgn")]


def test_an_inherited_mask_makes_nobody_deaf(parent):
    every = set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}
    spawn(parent, block(*every))
    parent.wait_ready()
    old = parent.pid("resolver")
    os.kill(old, signal.SIGKILL)
    eventually(lambda: parent.pid("resolver") not in (0, old),
               message="SIGCHLD is not heard")
    parent.process.send_signal(signal.SIGHUP)
    parent.wait_log("reloaded")
    assert masks(parent.process.pid)[0] == set()
    for child in CHILDREN:
        assert masks(parent.pid(child))[0] == set()
    assert parent.stop() == 0


def test_inherited_ignored_signals_are_obeyed(parent):
    def before():
        for number in HANDLED:
            signal.signal(number, signal.SIG_IGN)
    spawn(parent, before)
    parent.wait_ready()
    old = parent.pid("dm_net")
    os.kill(old, signal.SIGKILL)
    eventually(lambda: parent.pid("dm_net") not in (0, old))
    parent.process.send_signal(signal.SIGHUP)
    parent.wait_log("reloaded")
    assert parent.stop() == 0


@pytest.mark.parametrize("blocked", [True, False])
def test_reload_that_comes_before_the_loop_is_done_in_it(parent, blocked):
    """It waits until there is somebody to do it: before the first line of
    main(), and while dmd waits for its port."""
    with contextlib.ExitStack() as stack:
        if blocked:
            spawn(parent, block(signal.SIGHUP, pending=[signal.SIGHUP]))
        else:
            s = stack.enter_context(socket.socket())
            s.bind(("127.0.0.1", parent.http_port))
            s.listen()
            spawn(parent, None)
            parent.wait_log("in use: waiting")
            parent.process.send_signal(signal.SIGHUP)
    parent.wait_ready()
    parent.wait_log("reloaded")
    assert parent.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("blocked", [True, False])
def test_stop_that_comes_before_the_loop_is_obeyed(parent, number, blocked):
    with socket.socket() as s:
        if blocked:
            spawn(parent, block(number, pending=[number]))
        else:
            s.bind(("127.0.0.1", parent.http_port))
            s.listen()
            spawn(parent, None)
            parent.wait_log("in use: waiting")
            parent.process.send_signal(number)
        assert parent.wait_exit() == 0, parent.log()
    assert not parent.socket.exists()


def test_reload_at_any_moment_of_the_start(make_parent):
    """The signals are sent from the moment on when main() runs: the mask of
    the starter holds them before."""
    for step in range(12):
        node = make_parent()
        spawn(node, block(signal.SIGHUP))
        time.sleep(step * 0.005)  # the moment itself, nothing is waited for
        node.process.send_signal(signal.SIGHUP)
        node.wait_ready()
        node.wait_log("reloaded")
        assert node.stop() == 0


def test_signals_to_the_group_end_no_child(parent):
    """A terminal sends them to all: dmd alone acts."""
    parent.start()
    pids = [parent.pid(child) for child in CHILDREN]
    for child in pids:
        ignored = masks(child)[1]
        assert {signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE,
                signal.SIGXFSZ} <= ignored
    os.killpg(parent.process.pid, signal.SIGHUP)
    parent.wait_log("reloaded")
    assert [parent.pid(child) for child in CHILDREN] == pids


def test_check_is_ended_by_signals(parent, tmp_path):
    """dmd -n is a command like any other: it waits at this pipe."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen([parent.programs / "dmd", "-n", "-f", pipe],
                               stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.2)
    process.terminate()
    assert process.wait(10) in (-signal.SIGTERM, 78)


def test_stderr_that_nobody_reads_ends_nobody(parent):
    ours, theirs = os.pipe()
    os.close(ours)
    spawn(parent, None, stderr=theirs)
    os.close(theirs)
    parent.wait_ready()
    pids = [parent.pid(child) for child in CHILDREN]
    assert parent.ask("reload").verdict == "ok"
    assert [parent.pid(child) for child in CHILDREN] == pids
    assert parent.stop() == 0


def test_limit_on_file_sizes_is_a_full_disk(make_node):
    """ulimit -f: 507 for what does not fit, nothing ends, the rest goes on."""
    limit = 400_000
    node = make_node(files={"d/*": [SIGNER.text]},
                     **{"": {"log_level": "warn"}})
    spawn(node, lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                           (limit, limit)))
    node.wait_ready()
    pids = [node.pid(child) for child in CHILDREN]
    small = Version("d/small", os.urandom(50_000), SIGNER)
    put_ok(node, small)
    answer = put(node, Version("d/big", os.urandom(2 * limit), SIGNER))
    assert (answer.status, answer.code) == (507, "no-space"), answer
    # until the index itself is as long as it may be
    last = None
    for i in range(3000):
        last = put(node, Version(f"d/{i}", b"x", SIGNER))
        if last.status not in (200, 201):
            break
    assert (last.status, last.code) == (507, "no-space"), last
    assert content(node, "d/small") == small.content
    assert ask(node, "GET", "/files/d/small").body == small.content
    assert [node.pid(child) for child in CHILDREN] == pids, node.log()
    assert node.stop() == 0
