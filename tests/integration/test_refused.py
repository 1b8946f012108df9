# SPDX-License-Identifier: ISC
"""What a node does not take: from an HTTP client, through the control socket
and by way of dmctl (from a peer: test_refused_peers.py). The right status,
stable code and exit code each, and nothing of it is stored."""

import base64
import contextlib
import json
import os
import struct
import subprocess
import time
from urllib.parse import quote

import pytest

from conftest import BUILD, PATIENCE, _nodes
from mesh import (ask, connect, content, control_put, files, memfd, need, put,
                  put_ok, run, wait_content)
from refusals import (HELD, LIMIT, OTHER, REFUSALS, SIGNER, STRANGER,
                      nothing_stored)
from versions import Version


@pytest.fixture(scope="module")
def node(tmp_path_factory, users, programs):
    """One node for all refusals: after each it is as before."""
    with _nodes(tmp_path_factory.mktemp("refused"), programs) as make:
        n = make(files={"a": [SIGNER.text], "b": [SIGNER.text, OTHER.text],
                        "dir/*": [SIGNER.text]},
                 limits={"max_file_size": str(LIMIT)})
        n.start()
        put_ok(n, Version("a", b"held", SIGNER, at=HELD))
        yield n


@pytest.mark.parametrize("why", REFUSALS)
def test_over_http(node, why):
    version, status, code, _ = REFUSALS[why]
    with nothing_stored(node):
        answer = put(node, version)
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json
        assert problem["status"] == status and len(problem["detail"]) > 10
        if code == "signed-in-future":
            assert int(answer.headers["Retry-After"]) > 3000
        if code == "too-large":
            assert problem["limit"] == LIMIT
        if code == "not-newer":
            assert problem["held_signed_at"].endswith("Z")
        if code == "bad-signature":
            assert problem["network"] is None


@pytest.mark.parametrize("why", REFUSALS)
def test_over_the_control_socket(node, why):
    version, _, code, _ = REFUSALS[why]
    with nothing_stored(node):
        answer = control_put(node, version)
        assert answer.verdict == code
        assert len(answer.sentence) > 10


@pytest.mark.parametrize("way", ["control", "http"])
@pytest.mark.parametrize("why", REFUSALS)
def test_by_way_of_dmctl(node, tmp_path, why, way):
    """Versions signed elsewhere: what the shell is told."""
    version, _, code, exit_code = REFUSALS[why]
    entry = version.entry()
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"dmsign1\n" + struct.pack(">H", len(entry)) + entry +
                       version.content)
    where = (["-s", node.socket] if way == "control"
             else ["--url", node.url("")])
    with nothing_stored(node):
        out = subprocess.run(
            [BUILD / "dmctl", "submit", bundle, "--timeout", "1s", *where],
            capture_output=True, text=True, timeout=PATIENCE)
    assert out.returncode == exit_code, (out.stdout, out.stderr)
    assert len(out.stderr.splitlines()) >= 1 and not out.stdout.strip()
    if code == "signed-in-future":
        when = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(version.at // 10**9))
        assert f"a: signed {when}" in out.stderr


def test_other_network_over_the_control_socket(node):
    """HTTP has no field for it; an entry does."""
    with nothing_stored(node):
        version = Version("a", b"x", SIGNER, network=STRANGER.public)
        assert control_put(node, version).verdict == "other-network"


def test_other_body_than_announced(node):
    with nothing_stored(node):
        head = Version("a", b"good", SIGNER)
        answer = ask(node, "PUT", "/files/a", head.headers(), b"evil")
        assert (answer.status, answer.code) == (422, "bad-content")
        # without the hash in the head it is the signature that fails
        answer = ask(node, "PUT", "/files/a", head.headers(sha256=False),
                     b"evil")
        assert answer.status == 422
        fd = memfd(b"evil")
        assert node.ask("upload", head.entry(), fds=[fd]).verdict == \
            "bad-content"
        os.close(fd)


def test_body_cut_off(node):
    """The client goes in the middle: nothing of it stays."""
    version = Version("a", os.urandom(90_000), SIGNER)
    with nothing_stored(node):
        for _ in range(3):
            s = connect(node)
            head = "".join(f"{k}: {v}\r\n" for k, v in
                           version.headers().items())
            s.sendall(f"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n{head}"
                      f"Content-Length: 90000\r\n\r\n".encode() +
                      version.content[:50_000])
            s.close()
        assert ask(node, "GET", "/healthz").status == 200


def test_control_socket_without_or_with_odd_content(node):
    version = Version("a", b"x" * 100, SIGNER)
    with nothing_stored(node):
        # no descriptor, a pipe, a file, a memfd that may still change
        assert node.ask("upload", version.entry()).verdict not in (
            "ok", "created", "replaced")
        r, w = os.pipe()
        os.write(w, version.content)
        assert node.ask("upload", version.entry(), fds=[r]).verdict not in (
            "ok", "created", "replaced")
        os.close(r)
        os.close(w)
        fd = memfd(version.content, seal=False)
        assert node.ask("upload", version.entry(), fds=[fd]).verdict not in (
            "ok", "created", "replaced")
        os.close(fd)
        # shorter and longer than signed
        for other in (b"x" * 99, b"x" * 101):
            fd = memfd(other)
            assert node.ask("upload", version.entry(),
                            fds=[fd]).verdict == "bad-content"
            os.close(fd)
        # entries that are none
        for entry in (b"", b"\x99", version.entry()[:-1],
                      version.entry() + b"\0", os.urandom(200)):
            assert node.ask("upload", entry).verdict == "malformed"


# --- names ----

BAD_NAMES = ["../x", "..", ".x", "a//b", "a/", "/a", "a/../b", "a/.b", "a b",
             "a%", "dir/.", "dir/ü", "a\\b", "-a", "dir/-x", "x" * 256,
             "/".join("abcdefghi"), "dir/" + "x" * 252, "a\x01"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda n: ascii(n)[:20])
def test_bad_names(node, name):
    with nothing_stored(node):
        version = Version(name, b"x", SIGNER)
        path = "/files/" + quote(name, safe="/")
        answer = ask(node, "PUT", path, version.headers(), b"x")
        assert answer.status == 400, answer
        assert answer.code in ("bad-name", "malformed")
        assert ask(node, "DELETE", path, version.headers()).status == 400
        assert ask(node, "GET", path).status == 400
        assert control_put(node, version).verdict in ("bad-name", "malformed")
        if "\x01" not in name:
            assert node.ask("get", name).verdict in ("bad-name", "malformed",
                                                     "not-found")
    assert not (node.state / "x").exists()


def test_names_at_their_bounds_are_taken(make_node):
    longest = "dir/" + "x" * 251
    deepest = "/".join("abcdefgh")
    odd = "_A.b:c-1"
    n = make_node(files={"dir/*": [SIGNER.text], deepest: [SIGNER.text],
                         odd: [SIGNER.text]}).start()
    for name in (longest, deepest, odd):
        put_ok(n, Version(name, name.encode(), SIGNER))
        assert content(n, name) == name.encode()


# --- heads ----

def broken_heads():
    good = Version("a", b"x", SIGNER).headers()

    def but(**changes):
        out = dict(good)
        for key, value in changes.items():
            key = "X-" + key.capitalize()
            if value is None:
                del out[key]
            else:
                out[key] = value
        return out
    long_key = base64.b64encode(SIGNER.public + b"\0").decode()
    return [
        but(signedat=None), but(signedat=""), but(signedat="x"),
        but(signedat="-1"), but(signedat="0"), but(signedat="1.0000000000"),
        but(signedat="1."), but(signedat="1e9"), but(signedat="0x10"),
        but(signedat="99999999999999999999"), but(signedat=" 1 2"),
        but(signedat="4611686018.5000000000"),
        but(signedby=None), but(signedby=""), but(signedby="AAAA"),
        but(signedby=long_key), but(signedby="!" * 44),
        but(signature=None), but(signature=""), but(signature="AAAA"),
        but(signature=base64.b64encode(bytes(63)).decode()),
        but(signature=base64.b64encode(bytes(65)).decode()),
        but(signature=base64.b64encode(
            SIGNER.blob(bytes(64), "other@name")).decode()),
        but(signature=base64.b64encode(OTHER.blob(bytes(64))).decode()),
        but(sha256=""), but(sha256="0" * 63), but(sha256="0" * 65),
        but(sha256="g" * 64),
        {**good, "X-Validfor": "-1"}, {**good, "X-Validfor": "1.5"},
        {**good, "X-Validfor": "1h"},
        {**good, "X-Validfor": str(2**63)},
    ]


def test_malformed_fields(node):
    with nothing_stored(node):
        for head in broken_heads():
            answer = ask(node, "PUT", "/files/a", head, b"x")
            assert answer.status == 400, (head, answer)
            assert answer.code in ("bad-field", "malformed"), head


def raw(node, data, timeout=PATIENCE):
    """Status and body of what comes back for bytes; None if nothing."""
    s = connect(node, timeout=timeout)
    s.sendall(data)
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := s.recv(65536):
            answer += chunk
    s.close()
    if not answer:
        return None
    return int(answer.split()[1]), answer


PUT = b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("name, data, status", [
    ("no length", PUT + b"{}\r\n", 411),
    ("chunked", PUT + b"{}Transfer-Encoding: chunked\r\n\r\n"
     b"1\r\nx\r\n0\r\n\r\n", 411),
    ("both framings", PUT + b"{}Transfer-Encoding: chunked\r\n"
     b"Content-Length: 1\r\n\r\nx", 400),
    ("two lengths", PUT + b"{}Content-Length: 1\r\nContent-Length: 2"
     b"\r\n\r\nx", 400),
    ("signed length", PUT + b"{}Content-Length: +1\r\n\r\nx", 400),
    ("endless length", PUT + b"{}Content-Length: " + b"9" * 30 +
     b"\r\n\r\nx", 400),
    ("a field twice", PUT + b"{}Content-Length: 1\r\nX-Validfor: 1\r\n"
     b"X-Validfor: 2\r\n\r\nx", 400),
    ("folded field", PUT + b"{}Content-Length: 1\r\nX-Validfor: 1\r\n 2"
     b"\r\n\r\nx", 400),
    ("space before colon", PUT + b"{}Content-Length : 1\r\n\r\nx", 400),
    ("bare line feed", PUT + b"{}X-A: 1\nContent-Length: 1\r\n\r\nx", 400),
    ("zero byte", PUT + b"X-A: \0\r\n\r\n", 400),
    ("no host", b"GET /files HTTP/1.1\r\n\r\n", 400),
    ("two hosts", b"GET /files HTTP/1.1\r\nHost: localhost\r\n"
     b"Host: localhost\r\n\r\n", 400),
    ("another's host", b"GET /files HTTP/1.1\r\nHost: evil.example\r\n\r\n",
     421),
    ("a web page", b"GET /files HTTP/1.1\r\nHost: localhost\r\n"
     b"Origin: http://localhost\r\n\r\n", 403),
    ("another version", b"GET /files HTTP/3.0\r\nHost: localhost\r\n\r\n",
     400),
    ("unknown method", b"BREW /files HTTP/1.1\r\nHost: localhost\r\n\r\n",
     400),
    ("other method", b"POST /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Length: 0\r\n\r\n", 405),
    ("other type", PUT + b"{}Content-Type: text/plain\r\n"
     b"Content-Length: 1\r\n\r\nx", 415),
    ("encoded", PUT + b"{}Content-Encoding: gzip\r\nContent-Length: 1"
     b"\r\n\r\nx", 415),
    ("too many fields", PUT + b"".join(
        b"X-%d: 1\r\n" % i for i in range(80)) + b"\r\n", 431),
    ("too long a field", PUT + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    ("too long a path", b"GET /files/" + b"a" * 20_000 +
     b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    ("range out of the file", b"GET /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Range: bytes=100-200\r\n\r\n", 416),
    ("more than asked", PUT + b"{}Content-Length: 2000001\r\n\r\n", 413),
])
def test_malformed_heads(node, name, data, status):
    version = Version("a", b"x", SIGNER)
    fields = "".join(f"{k}: {v}\r\n" for k, v in
                     version.headers().items()).encode()
    data = data.replace(b"{}", fields).replace(
        b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1)
    with nothing_stored(node):
        answer = raw(node, data)
        assert answer is not None and answer[0] == status, answer


def test_large_without_sha256(make_node):
    n = make_node(files={"a": [SIGNER.text]}).start()
    version = Version("a", bytes((1 << 20) + 1), SIGNER)
    answer = put(n, version, sha256=False)
    assert (answer.status, answer.code) == (413, "sha256-required")
    assert files(n) == {}
    assert put(n, version).status == 201


def test_http2_refuses_alike(node, tmp_path):
    need("curl")
    with nothing_stored(node):
        for why in ("unknown name", "unknown signer", "too large",
                    "signature over another name", "signed in the future",
                    "older than held"):
            version, status, code, _ = REFUSALS[why]
            (tmp_path / "body").write_bytes(version.content)
            head = [x for k, v in version.headers().items()
                    for x in ("-H", f"{k}: {v}")]
            out = run(node, "curl", "-sS", "--http2-prior-knowledge",
                      "-T", tmp_path / "body", "-w", "\n%{http_code}", *head,
                      node.url(f"/files/{version.name}"))
            body, _, got = out.stdout.rpartition(b"\n")
            assert int(got) == status, (why, out)
            assert json.loads(body)["code"] == code


def test_reading_is_the_nodes_own_business(mesh):
    """read = "local": others may upload and ask for its health, no more."""
    if not mesh.net.namespaces:
        pytest.skip("needs network namespaces")
    mesh.files = {"a": [SIGNER.text]}
    a = mesh.add(http={"interface": "eth0"})
    b = mesh.add()
    there = f"{a.host.ip4}:{a.http_port}"

    def ask_from_b(path, *arguments):
        out = run(b, "curl", "-sS", "-w", "\n%{http_code}", *arguments,
                  f"http://{there}{path}")
        body, _, status = out.stdout.rpartition(b"\n")
        return int(status), body
    for path in ("/files", "/files/a", "/peers", "/metrics"):
        status, body = ask_from_b(path)
        assert status == 403 and b"read-refused" in body
    assert ask_from_b("/healthz")[0] == 200
    version = Version("a", b"from afar", SIGNER)
    head = [x for k, v in version.headers().items()
            for x in ("-H", f"{k}: {v}")]
    assert ask_from_b("/files/a", "-X", "PUT", *head, "-H", "Content-Type:",
                      "--data-binary", "from afar")[0] == 201
    wait_content([a, b], "a", b"from afar")
    # from its own address is local
    out = run(a, "curl", "-sS", f"http://{there}/files/a")
    assert out.stdout == b"from afar"


# --- configuration ----

def test_weak_keys_are_not_configured(tmp_path):
    """With a key of small order one signature verifies for anything."""
    weak = ["AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "7P///////////////////////////////////////38=",
            "7v///////////////////////////////////////38="]
    path = tmp_path / "dm.toml"
    path.write_text("[files]\n" + "".join(
        f'"f{i}" = ["{k}"]\n' for i, k in enumerate(weak)))
    out = subprocess.run([BUILD / "dmd", "-n", "-f", path],
                         capture_output=True, text=True)
    assert out.returncode == 78
    assert [line.split(":")[1] for line in out.stderr.splitlines()] == [
        str(i + 2) for i in range(len(weak))]
