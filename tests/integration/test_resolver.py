# SPDX-License-Identifier: ISC
"""The resolver's files move while it runs: it is in a sandbox that was made for
those that were there. Each node has an /etc of its own, in a mount namespace."""
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from conftest import IS_ROOT, PATIENCE, eventually

PEER = "peer.example"
SERVER = "127.0.0.77"


def can_mount():
    return IS_ROOT and subprocess.run(
        ["unshare", "-m", "mount", "--bind", "/usr", "/etc"],
        capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(),
                                reason="needs mount namespaces")


class Etc:
    """A copy of /etc, and a place outside of it that its links lead to."""

    def __init__(self, base):
        self.path = base / "etc"
        shutil.copytree("/etc", self.path, symlinks=True,
                        ignore_dangling_symlinks=True)
        self.late = base / "late"
        self.prefix = ["unshare", "-m", "sh", "-c",
                       f'mount --bind {self.path} /etc && exec "$@"', "sh"]

    def link(self, name, target):
        """As `ln -sfn` and a rename do it: at no moment is it not there."""
        new = self.path / (name + ".new")
        new.symlink_to(target)
        new.rename(self.path / name)

    def write_late(self, name, text):
        self.late.mkdir(exist_ok=True)
        path = self.late / name
        path.write_text(text)
        path.chmod(0o644)
        return path


@pytest.fixture
def etc(tmp_path):
    one = Etc(tmp_path)
    (one.path / "nsswitch.conf").write_text("hosts: files dns\n")
    (one.path / "hosts").write_text("127.0.0.1 localhost\n")
    return one


@pytest.fixture
def nodes(make_node, etc):
    """One, and one that looks for it by a name that leads to nowhere yet."""
    first = make_node().start()
    second = make_node(cluster={"bootstrap_peers": [
        f"/dns4/{PEER}/tcp/{first.p2p_port}/p2p/{first.peer_id()}"]})
    second.prefix = etc.prefix
    return first, second


def is_connected(node):
    return node.ask("status_net").value("peers_connected") == 1


def wait_connected(node):
    try:
        eventually(lambda: is_connected(node), 2 * PATIENCE)
    except AssertionError:
        raise AssertionError(f"not connected:\n{node.log()}") from None


def judge(node, which):
    """It was started anew in order: no failure, no complaint."""
    node.wait_log(rf"info: the resolver is started anew: {which} is there now")
    assert node.status()["resolver_restarts"] == [0]
    assert "error: resolver" not in node.log()
    assert "resolver is started again in" not in node.log()


@pytest.fixture
def name_server():
    """Answers that the peer's name is 127.0.0.1."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind((SERVER, 53))
    except OSError as e:
        pytest.skip(f"port 53: {e}")

    def serve():
        while True:
            try:
                question, client = udp.recvfrom(512)
            except OSError:
                return
            end = question.index(b"\0", 12) + 5
            is_a = question[end - 4:end - 2] == b"\0\1"
            is_known = question[12:].startswith(b"\x04peer\x07example\0")
            answers = is_a and is_known
            udp.sendto(
                question[:2] + struct.pack(
                    "!HHHHH", 0x8180 if is_known else 0x8183, 1, answers, 0, 0)
                + question[12:end]
                + (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if answers
                   else b""), client)

    threading.Thread(target=serve, daemon=True).start()
    yield
    udp.close()


def test_hosts_leads_elsewhere(nodes, etc):
    """As an activation of NixOS does it: the link is replaced, its target is a
    file that was not there before."""
    _, node = nodes
    etc.link("hosts", etc.write_late("hosts-1", "127.0.0.1 localhost\n"))
    node.start()
    node.wait_log(rf"resolver\]: debug: {PEER}: ")
    assert not is_connected(node)
    etc.link("hosts", etc.write_late(
        "hosts-2", f"127.0.0.1 localhost {PEER}\n"))
    wait_connected(node)
    judge(node, "/etc/hosts")


def test_the_target_of_hosts_is_replaced(nodes, etc):
    """By rename, as editors do it: another file of the same name."""
    _, node = nodes
    hosts = etc.write_late("hosts", "127.0.0.1 localhost\n")
    etc.link("hosts", hosts)
    node.start()
    node.wait_log(rf"resolver\]: debug: {PEER}: ")
    etc.write_late("new", f"127.0.0.1 localhost {PEER}\n").rename(hosts)
    wait_connected(node)
    judge(node, "/etc/hosts")


def test_resolv_conf_comes_late(nodes, etc, name_server):
    """The directory that it leads to is made after dmd was started."""
    _, node = nodes
    etc.link("resolv.conf", etc.late / "resolv.conf")
    node.start()
    node.wait_log(rf"resolver\]: debug: {PEER}: ")
    etc.write_late("resolv.conf", f"nameserver {SERVER}\n")
    wait_connected(node)
    judge(node, "/etc/resolv.conf")


def test_a_reload_looks_at_once(nodes, etc):
    _, node = nodes
    hosts = etc.write_late("hosts", "127.0.0.1 localhost\n")
    etc.link("hosts", hosts)
    node.start()
    pid = node.pid("resolver")
    for i in range(3):
        etc.link("hosts", etc.write_late(f"hosts-{i}", ""))
        node.ask("reload")
        eventually(lambda old=pid: node.pid("resolver") not in (0, old))
        node.wait_ready()
        pid = node.pid("resolver")
    judge(node, "/etc/hosts")
    assert node.log().count("the resolver is started anew") == 3


def test_what_lies_in_etc_is_no_news(nodes, etc):
    """Nothing is started anew for what may be read anyway, or is gone."""
    _, node = nodes
    etc.link("gai.conf", etc.write_late("gai.conf", ""))
    node.start()
    pid = node.pid("resolver")
    for name in ("hosts", "resolv.conf", "services"):
        new = etc.path / "new"
        new.write_text(f"127.0.0.1 localhost {PEER}\n" if name == "hosts"
                       else "")
        new.chmod(0o644)
        new.rename(etc.path / name)
    os.unlink(etc.late / "gai.conf")
    node.ask("reload")
    wait_connected(node)
    assert node.pid("resolver") == pid
    assert "started anew" not in node.log()
