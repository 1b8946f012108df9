# SPDX-License-Identifier: ISC
"""What a machine with many addresses tells its peers: a host of containers,
whose bridges come before the interface that others reach it by."""
import json
import subprocess
from ipaddress import ip_address

import pytest

from conftest import BUILD, eventually
from mesh import connected, run

BRIDGES = 20


@pytest.fixture(autouse=True)
def machines(net):
    if not net.namespaces:
        pytest.skip("needs network namespaces")


def ip(namespace, *words):
    subprocess.run(["ip", "-n", namespace, *map(str, words)], check=True,
                   capture_output=True)


def add_bridges(node, net, count=BRIDGES):
    """The bridges get the numbers before that of eth0, which is away."""
    host = node.host
    ip(host.netns, "link", "set", "eth0", "netns", net.bridge)
    for i in range(count):
        name = f"br-{i}"
        ip(host.netns, "link", "add", name, "type", "bridge")
        ip(host.netns, "link", "set", name, "up")
        ip(host.netns, "addr", "add", f"172.{16 + i % 16}.{i}.1/24", "dev",
           name)
        ip(host.netns, "addr", "add", f"fdbb:{i:x}::1/64", "dev", name,
           "nodad")
    ip(net.bridge, "link", "set", "eth0", "netns", host.netns)
    ip(host.netns, "addr", "add", f"{host.ip4}/24", "dev", "eth0")
    ip(host.netns, "addr", "add", f"{host.ip6}/64", "dev", "eth0", "nodad")
    ip(host.netns, "link", "set", "eth0", "up")


def told(node):
    out = run(node, BUILD / "dmctl", "id", "-j", "-s", node.socket)
    assert out.returncode == 0, out.stderr
    return [ip_address(a.split("/")[2]) for a in json.loads(out.stdout)["addresses"]]


def test_the_address_that_others_reach_comes_first(mesh):
    node = mesh.add(start=False, bootstrap=[])
    add_bridges(node, mesh.net)
    node.start()
    assert told(node)[:2] == [
        ip_address(node.host.ip4), ip_address(node.host.ip6)]
    # of 42 addresses not all are told, which is said once
    text = "addresses of this node do not fit into its peer record"
    node.wait_log(text)
    before = told(node)
    assert 16 < len(before) < 2 * BRIDGES + 2
    # the way out of this machine may be another one
    ip(node.host.netns, "route", "add", "default", "via", "172.16.0.2", "dev",
       "br-0")
    eventually(lambda: told(node)[0] == ip_address("172.16.0.1"))
    assert set(told(node)) == set(before)
    assert node.log().count(text) == 1


def test_two_with_many_bridges_meet(mesh):
    """Of a third, which both know, each learns where the other is."""
    third = mesh.add(bootstrap=[])
    nodes = []
    for _ in range(2):
        node = mesh.add(start=False, bootstrap=[third])
        add_bridges(node, mesh.net)
        node.start()
        nodes.append(node)
    first, second = nodes
    eventually(lambda: second.peer_id() in connected(first))
