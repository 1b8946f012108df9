# SPDX-License-Identifier: ISC
"""Machines without any IPv4 address, not even 127.0.0.1."""
import json
import subprocess

import pytest

from conftest import BUILD, eventually
from mesh import address, content, run, wait, wait_content
from versions import Signer

SIGNER = Signer()
DMCTL = BUILD / "dmctl"


@pytest.fixture(autouse=True)
def machines(net):
    if not net.namespaces:
        pytest.skip("needs network namespaces")


def ip(node, *words):
    return subprocess.run(["ip", "-n", node.host.netns, *words], check=True,
                          capture_output=True, text=True).stdout


def take_away(node, *families):
    for device in "eth0", "lo":
        for family in families:
            if (device, family) != ("lo", "-6"):
                ip(node, family, "addr", "flush", "dev", device, "scope",
                   "global" if device == "eth0" else "host")


def link_local(node):
    """Of eth0, when the kernel has made sure that it is alone."""
    def there():
        rows = json.loads(ip(node, "-j", "-6", "addr", "show", "dev", "eth0"))
        for row in rows[0]["addr_info"] if rows else ():
            if row["scope"] == "link" and not row.get("tentative"):
                return row["local"]
    return eventually(there)


def dmctl(node, *words, code=0):
    out = run(node, DMCTL, *words)
    assert out.returncode == code, (words, out.stdout, out.stderr)
    return out.stdout.decode()


def connected(node):
    rows = json.loads(dmctl(node, "peers", "-j", "-s", node.socket))
    return {r["peer"] for r in rows if r["state"] == "connected"}


def upload(node, path, key, *where):
    dmctl(node, "upload", path, "--key", key, *where)


def test_a_mesh_without_ipv4(mesh, tmp_path):
    mesh.files = {n: [SIGNER.text] for n in ("a", "b")}
    key = SIGNER.write(tmp_path)
    for _ in range(3):
        node = mesh.add(start=False, bootstrap=[], http={"interface": "eth0"})
        take_away(node, "-4")
        if len(mesh.nodes) > 1:
            first = address(mesh.nodes[0], "ip6")
            node.config["cluster"]["bootstrap_peers"] = [first]
        node.start()
    first, second, third = nodes = mesh.nodes
    wait(nodes, lambda: all(len(connected(n)) == 2 for n in nodes))
    (tmp_path / "a").write_bytes(b"1")
    upload(second, tmp_path / "a", key, "--url",
           f"http://localhost:{second.http_port}")
    wait_content(nodes, "a", b"1")
    (tmp_path / "b").write_bytes(b"2")
    upload(second, tmp_path / "b", key, "--url",
           f"http://[{third.host.ip6}]:{third.http_port}")
    wait_content(nodes, "b", b"2")
    assert "/ip6/fd77:" in dmctl(first, "id", "-s", first.socket)
    assert "all running; 2 files, 2 peers connected" in dmctl(
        third, "status", "-s", third.socket)


def test_a_mesh_with_link_local_addresses_alone(mesh, tmp_path):
    mesh.files = {n: [SIGNER.text] for n in ("a", "b")}
    key = SIGNER.write(tmp_path)
    for _ in range(2):
        node = mesh.add(start=False, bootstrap=[])
        take_away(node, "-4", "-6")
        node.config["cluster"]["interface"] = "eth0"
        node.config["http"]["interface"] = f"[{link_local(node)}%eth0]"
        if len(mesh.nodes) > 1:
            first = mesh.nodes[0]
            node.config["cluster"]["bootstrap_peers"] = [
                f"/ip6zone/eth0/ip6/{link_local(first)}/tcp/{first.p2p_port}"
                f"/p2p/{first.peer_id()}"]
        node.start()
    first, second = mesh.nodes
    wait(mesh.nodes, lambda: connected(first) and connected(second))
    # a zone is this machine's: the node is not told it
    at = link_local(first)
    for node, name, zone in (first, "a", "%eth0"), (second, "b", "%25eth0"):
        (tmp_path / name).write_bytes(b"1")
        upload(node, tmp_path / name, key, "--url",
               f"http://[{at}{zone}]:{first.http_port}")
        wait_content(mesh.nodes, name, b"1")
    assert f"libp2p [{at}%eth0]:{first.p2p_port}" in dmctl(
        first, "status", "-s", first.socket)
    # whom that may be told to has a loopback of its own
    assert "::1" not in dmctl(first, "id", "-s", first.socket)
    assert content(second, "b") == b"1"
