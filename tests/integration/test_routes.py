# SPDX-License-Identifier: ISC
"""Every route of a node, over both versions of HTTP on the same port, with
clients that other people wrote."""

import json
import os

import pytest

from conftest import eventually
from mesh import need, run, wait_content, wait_files
from versions import Signer, Version

SIGNER = Signer()


def curl(node, *arguments, version="--http1.1", data=None):
    out = run(node, "curl", "-sS", version, "-w", "\n%{http_version} "
              "%{http_code}", *arguments, input=data)
    assert out.returncode == 0, out.stderr
    body, _, last = out.stdout.rpartition(b"\n")
    http_version, status = last.decode().split()
    return http_version, int(status), body


@pytest.mark.parametrize("option, number", [
    ("--http1.1", "1.1"), ("--http2-prior-knowledge", "2")])
def test_every_route(mesh, option, number):
    need("curl")
    mesh.files = {"a": [SIGNER.text], "big": [SIGNER.text]}
    nodes = mesh.grow(2)
    node = nodes[0]
    url = f"http://localhost:{node.http_port}"

    def ask_curl(path, *arguments, data=None):
        got, status, body = curl(node, *arguments, url + path,
                                 version=option, data=data)
        assert got == number
        return status, body

    def upload(version):
        head = [x for k, v in version.headers().items()
                for x in ("-H", f"{k}: {v}")]
        if version.kind == "delete":
            return ask_curl("/files/" + version.name, "-X", "DELETE", *head)
        # a Content-Length is required over HTTP/2 too
        return ask_curl("/files/" + version.name, "-X", "PUT", *head,
                        "-H", "Content-Type: application/octet-stream",
                        "--data-binary", "@-", data=version.content)

    small = Version("a", b"hello", SIGNER)
    big = Version("big", os.urandom(3_000_000), SIGNER)
    assert upload(small)[0] == 201
    assert upload(big)[0] == 201
    wait_files(nodes, {"a": small.content, "big": big.content})
    assert ask_curl("/files/a") == (200, b"hello")
    assert ask_curl("/files/big") == (200, big.content)
    assert ask_curl("/files/big", "-r", "10-19") == (206, big.content[10:20])
    status, head = ask_curl("/files/big", "-I")
    assert status == 200
    assert b"content-length: 3000000" in head.lower()
    assert big.sha256.hex().encode() in head
    assert ask_curl("/files/a", "-H", "If-None-Match: "
                    f'"{small.sha256.hex()}"') == (304, b"")
    rows = json.loads(ask_curl("/files")[1])
    assert [r["name"] for r in rows] == ["a", "big"]
    assert [r["name"] for r in json.loads(
        ask_curl("/files?prefix=b")[1])] == ["big"]
    rows = json.loads(ask_curl("/peers")[1])
    assert [r["peer"] for r in rows] == [nodes[1].peer_id()]
    health = json.loads(ask_curl("/healthz")[1])
    assert health["ready"] is True and health["network"] is None
    # dm-store tells its numbers once a second
    eventually(lambda: b"dm_files 2" in ask_curl("/metrics")[1])
    assert ask_curl("/nothing")[0] == 404
    assert ask_curl("/files", "-X", "DELETE")[0] == 405
    assert upload(Version("a", None, SIGNER))[0] in (200, 201)
    assert ask_curl("/files/a")[0] == 410
    wait_files(nodes, {"big": big.content})


def test_nghttp(mesh, tmp_path):
    """Another implementation of HTTP/2, several streams at once."""
    need("nghttp")
    mesh.files = {"a": [SIGNER.text]}
    nodes = mesh.grow(2)
    version = Version("a", os.urandom(100_000), SIGNER)
    (tmp_path / "data").write_bytes(version.content)
    url = f"http://127.0.0.1:{nodes[0].http_port}"
    head = [f"-H{k}: {v}" for k, v in version.headers().items()]
    out = run(nodes[0], "nghttp", "-v", "-H:method: PUT", "-d",
              tmp_path / "data", *head, url + "/files/a")
    assert out.returncode == 0 and b":status: 201" in out.stdout, out.stdout
    wait_content(nodes, "a", version.content)
    out = run(nodes[0], "nghttp", url + "/files/a")
    assert out.stdout == version.content
    out = run(nodes[0], "nghttp", "-v", url + "/files/a", url + "/healthz",
              url + "/files", url + "/peers")
    assert out.stdout.count(b":status: 200") == 4
    assert b'"ready":true' in out.stdout
