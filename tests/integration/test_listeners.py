# SPDX-License-Identifier: ISC
"""Listening sockets, which dmd shares with each dm-net."""
import contextlib
import ctypes
import errno
import os
import shutil
import signal
import socket

import pytest

from conftest import BUILD, _nodes, eventually
from rights import needs_proc, needs_root
from test_node import healthz

SYS_PIDFD_GETFD = 438


def reload(node):
    node.write_config()
    return node.ask("reload")


def connects(port, address="127.0.0.1"):
    try:
        with socket.create_connection((address, port), timeout=5):
            return True
    except OSError:
        return False


def listens(node):
    return sorted(node.status().get("listen", []))


def spoil(parent, how):
    """Has the stand-in do that to the sockets that it was given."""
    since = len(parent.log())
    parent.config["files"] = {f"net/{how}": []}
    assert reload(parent).verdict == "ok"
    parent.wait_log(rf"standin: {how}$", since)
    parent.config["files"] = {}
    return since


# --- a dm-net that was taken over --------------------------------------------

def test_sockets_that_dm_net_shut_down_are_bound_anew(parent):
    parent.start()
    before = listens(parent)
    since = spoil(parent, "shut")
    parent.wait_log("the socket of http .* was shut down", since)
    parent.wait_log("the socket of libp2p .* was shut down", since)
    eventually(lambda: listens(parent) == before)
    for port in parent.http_port, parent.p2p_port:
        assert connects(port)
    # dm-net is told of the new ones
    for kind in 0, 1:
        parent.wait_log(rf"standin: unlisten(.|\n)*standin: listen \d+ kind "
                        rf"{kind} 7f000001", since)


@pytest.mark.parametrize("how", ["shut", "block"])
def test_the_next_dm_net_serves(tmp_path, users, how):
    """One that was taken over shuts its sockets down, or has accept(2) wait.
    The one after it, a real one, serves."""
    place = tmp_path / "programs"
    place.mkdir(mode=0o755)
    for name in "dmd", "dm-store":
        shutil.copy(BUILD / name, place)
    shutil.copy(BUILD / "tests" / "integration" / "standin", place / "dm-net")
    with _nodes(tmp_path, place) as make:
        node = make()
        node.start()
        spoil(node, how)

        def replaced():
            # dmd holds the file open: its bytes change, while nobody runs it
            pid = node.pid("dm_net")
            if pid != 0:
                # the one of the last try may be gone by now
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                with open(place / "dm-net", "r+b") as f:
                    f.truncate(f.write((BUILD / "dm-net").read_bytes()))
                    return True
            except OSError as error:
                assert error.errno == errno.ETXTBSY, error
                return False
        eventually(replaced)
        assert reload(node).verdict in ("ok", "unchanged")
        for _ in range(3):
            eventually(lambda: healthz(node) == 200)
        assert connects(node.p2p_port)


# --- a socket that ends in another way ---------------------------------------

def listener_of(pid, port):
    """A copy of the listening socket of that process."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                continue
            fd = libc.syscall(SYS_PIDFD_GETFD, process, int(name), 0)
            if fd == -1:
                pytest.skip(os.strerror(ctypes.get_errno()))
            copy = socket.socket(fileno=fd)
            if copy.family == socket.AF_INET and \
                    copy.getsockname()[1] == port and \
                    copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return copy
            copy.close()
    finally:
        os.close(process)
    raise AssertionError(f"nothing listens on {port}")


@needs_root
@needs_proc
@pytest.mark.parametrize("which", ["http", "libp2p"])
def test_a_socket_that_ends_is_told_and_bound_anew(node, which):
    node.start()
    before = listens(node)
    port = node.http_port if which == "http" else node.p2p_port
    since = len(node.log())
    with listener_of(node.pid("dm_net"), port) as copy:
        copy.shutdown(socket.SHUT_RDWR)
    # dm-net does not wait for what never comes, or spin
    node.wait_log(r"dmd\[net\]: warn: a listening socket was shut down", since)
    node.wait_log(rf"the socket of {which} .* was shut down", since)
    eventually(lambda: connects(port))
    eventually(lambda: listens(node) == before)
    eventually(lambda: healthz(node) == 200)
    assert node.log().count("a listening socket was shut down") == 1


# --- a reload that changes the form of listening -----------------------------

FORMS = {
    "one": "127.0.0.1", "all": "0.0.0.0", "all6": "[::]", "name": "lo",
    "both": ["127.0.0.1", "[::1]"], "every": ["0.0.0.0", "[::]"],
    "other": "127.0.0.2", "several": ["127.0.0.2", "lo"],
    "two": ["127.0.0.1", "127.0.0.2"], "three": ["127.0.0.1", "127.0.0.3"]}


def inet(text):
    return text.strip("[]")


def listen_on(node, form, *sections):
    items = FORMS[form]
    for section in sections or ("cluster", "http"):
        values = node.config[section]
        values.pop("interface", None)
        values.pop("interfaces", None)
        values["interface" if isinstance(items, str) else "interfaces"] = items


def is_there(node, form):
    """Each address of the form takes connections."""
    items = FORMS[form] if isinstance(FORMS[form], list) else [FORMS[form]]
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1", "lo": "127.0.0.1"}
    return all(connects(node.http_port, reach.get(inet(i), inet(i))) and
               connects(node.p2p_port, reach.get(inet(i), inet(i)))
               for i in items)


@pytest.mark.parametrize("forms", [
    ("one", "all", "one"), ("all", "name", "all"), ("one", "name", "one"),
    ("name", "several", "name"), ("both", "every", "both"),
    ("all", "all6", "all"), ("other", "all", "other"),
    ("several", "every", "name"), ("both", "other", "every")],
    ids="-".join)
def test_reload_between_forms(node, forms):
    """No error is told, nobody waits for the next try in five seconds, and
    what is listened on is what is configured."""
    listen_on(node, forms[0])
    node.start()
    shown = {forms[0]: listens(node)}
    for form in forms[1:]:
        listen_on(node, form)
        assert reload(node).verdict == "ok"
        # forms that clash are away for some milliseconds in between
        eventually(lambda: is_there(node, form) and
                   shown.get(form) in (None, listens(node)) and
                   not node.status().get("not_listening"))
        if form not in ("all6", "other"):
            eventually(lambda: healthz(node) == 200)
    assert "error: " not in node.log(), node.log()
    assert "warn: " not in node.log(), node.log()


def test_reload_that_swaps_the_ports(node):
    node.start()
    node.http_port, node.p2p_port = node.p2p_port, node.http_port
    node.config["http"]["port"] = node.http_port
    node.config["cluster"]["port"] = node.p2p_port
    assert reload(node).verdict == "ok"
    eventually(lambda: healthz(node) == 200)
    assert "error: " not in node.log(), node.log()


def test_what_stays_is_not_touched(node):
    """A connection that waits on a socket that fits both is served."""
    listen_on(node, "two", "http")
    node.start()
    listen_on(node, "three", "http")
    since = len(node.log())
    assert reload(node).verdict == "ok"
    node.wait_log("no longer listening on http 127.0.0.2", since)
    told = node.log()[since:]
    assert "127.0.0.1" not in told, told
    # the new comes before the old goes
    assert told.index("listening on http 127.0.0.3") < \
        told.index("no longer listening on http 127.0.0.2")
