# SPDX-License-Identifier: ISC
"""HTTP under attack: floods, bombs, half requests and clients that do not
read, against a running node. After each the same dm-net answers an ordinary
request and dmctl's, within a second, and has not grown."""

import contextlib
import pathlib
import random
import re
import socket
import struct
import time

import pytest

from conftest import IS_ASAN, IS_ROOT, PATIENCE, answers_at_once
from mesh import ask, connect, put_ok
from versions import Signer, Version

SIGNER = Signer()
BIG = 8 << 20
MEMORY_KIB_MAX = 96 << 10
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4


@pytest.fixture(scope="module")
def victim(tmp_path_factory, users, programs):
    from conftest import _nodes
    with _nodes(tmp_path_factory.mktemp("attack"), programs) as make:
        node = make(files={"a": [SIGNER.text], "big": [SIGNER.text],
                            "many/*": [SIGNER.text]})
        node.config[""]["log_level"] = "info"
        node.start()
        put_ok(node, Version("a", b"good", SIGNER))
        put_ok(node, Version("big", random.randbytes(BIG), SIGNER))
        yield node


def resident_kib(node, child="dm_net"):
    """The most that it has ever used."""
    text = pathlib.Path(f"/proc/{node.pid(child)}/status").read_text()
    return int(re.search(r"^VmHWM:\s+(\d+)", text, re.M).group(1))


def ordinary_requests(node):
    for part in ("status_dmd", "status_net", "status_store"):
        assert node.ask(part, timeout=5).verdict == "ok"
    answer = ask(node, "GET", "/files/a", timeout=5)
    assert (answer.status, answer.body) == (200, b"good")


@pytest.fixture(autouse=True)
def unharmed(victim):
    before = victim.pid("dm_net")
    yield
    answers_at_once(lambda: ordinary_requests(victim))
    assert victim.pid("dm_net") == before, victim.log()[-3000:]
    assert victim.status()["dm_net_restarts"] == [0]
    if IS_ROOT and not IS_ASAN:
        assert resident_kib(victim) < MEMORY_KIB_MAX


# --- HTTP/2 by hand ----------------------------------------------------------

def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


def literal(name, value, code=0x00):
    """A field that is not indexed; code 0x40: into the dynamic table."""
    return bytes([code]) + number(len(name), 7) + name + \
        number(len(value), 7) + value


def number(value, bits, high=0):
    if value < (1 << bits) - 1:
        return bytes([high | value])
    out = [high | (1 << bits) - 1]
    value -= (1 << bits) - 1
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


#: :method GET, :scheme http, :authority localhost
HEAD = b"\x82\x86" + literal(b":authority", b"localhost")


def get(stream, path=b"/files/a", more=b"", end=END_HEADERS):
    return frame(HEADERS, END_STREAM | end, stream,
                 HEAD + literal(b":path", path) + more)


@contextlib.contextmanager
def http2(node, settings=b""):
    with connect(node) as s:
        s.sendall(PREFACE + frame(SETTINGS, 0, 0, settings))
        yield s


def pour(s, pieces, seconds=20):
    """Sends without reading until it is cut or all is out; bytes sent."""
    end, sent = time.monotonic() + seconds, 0
    s.settimeout(0.5)
    for piece in pieces:
        try:
            s.sendall(piece)
        except TimeoutError:
            break  # nobody takes it any more
        except OSError:
            break
        sent += len(piece)
        if time.monotonic() > end:
            break
    return sent


def read_all(s, seconds=PATIENCE):
    """What still comes until the other end closes."""
    out, end = b"", time.monotonic() + seconds
    with contextlib.suppress(ConnectionError, TimeoutError):
        while time.monotonic() < end:
            s.settimeout(max(0.1, end - time.monotonic()))
            part = s.recv(1 << 16)
            if not part:
                return out
            out += part
    return out


def frames(data):
    at = 0
    while at + 9 <= len(data):
        length = int.from_bytes(data[at:at + 3], "big")
        yield data[at + 3], data[at + 4], data[at + 9:at + 9 + length]
        at += 9 + length


def goaway(data):
    """The error code of the GOAWAY among the frames, or None."""
    for kind, _, payload in frames(data):
        if kind == GOAWAY:
            return struct.unpack(">I", payload[4:8])[0]
    return None


def test_frames_by_hand_are_right(victim):
    with http2(victim) as s:
        s.sendall(get(1))
        out = b""
        while b"good" not in out:
            out += s.recv(4096)


def test_rapid_reset(victim):
    """CVE-2023-44487: streams opened and reset at once."""
    with http2(victim) as s:
        pour(s, (b"".join(get(i, b"/files/big") +
                          frame(RST_STREAM, 0, i, b"\0\0\0\x08")
                          for i in range(n, n + 200, 2))
                 for n in range(1, 200_000, 200)))
        assert goaway(read_all(s)) is not None


def test_resets_that_the_server_has_to_make(victim):
    """CVE-2025-8671: frames that make the server itself reset a stream."""
    with http2(victim) as s:
        pour(s, (get(i) + frame(WINDOW_UPDATE, 0, i, b"\0\0\0\0")
                 for i in range(1, 60_000, 2)))
        read_all(s, 3)


@pytest.mark.parametrize("payload", [b"", literal(b"x", b"y" * 100) * 20])
def test_continuation_flood(victim, payload):
    """CVE-2024-28182: a head that never ends."""
    with http2(victim) as s:
        pour(s, [get(1, end=0)])
        sent = pour(s, (frame(CONTINUATION, 0, 1, payload) * 20
                        for _ in range(20_000)), 10)
        assert sent < 16 << 20
        assert goaway(read_all(s)) is not None


def test_settings_and_ping_floods_that_are_not_read(victim):
    for flood in (frame(SETTINGS), frame(PING, 0, 0, bytes(8))):
        with http2(victim) as s:
            sent = pour(s, (flood * 1000 for _ in range(20_000)), 10)
            assert sent < 64 << 20


def test_settings_of_many_entries(victim):
    with http2(victim, struct.pack(">HI", 3, 1) * 2000) as s:
        pour(s, (frame(SETTINGS, 0, 0, struct.pack(">HI", 99, 1) * 2000)
                 for _ in range(1000)), 5)
        assert goaway(read_all(s)) is not None


def test_header_bomb(victim):
    """A long field once into the table, then thousands of references."""
    with http2(victim) as s:
        bomb = literal(b"x", b"y" * 3900, 0x40)
        pour(s, [get(1, more=bomb)])
        pour(s, (get(i, more=b"\xbe" * 12_000)
                 for i in range(3, 4000, 2)), 10)
        read_all(s, 1)


def test_tables_that_change_size(victim):
    with http2(victim, struct.pack(">HI", 1, 0xffffffff)) as s:
        pour(s, (frame(HEADERS, END_STREAM | END_HEADERS, i, number(
            4096 if i % 4 == 1 else 0, 5, 0x20) + HEAD +
            literal(b":path", b"/healthz")) for i in range(1, 8000, 2)), 5)


@pytest.mark.parametrize("name, data", [
    ("a frame beyond its maximum", frame(DATA, 0, 1, bytes(16385))),
    ("data of no stream", frame(DATA, 0, 5, b"x")),
    ("an even stream", get(2)),
    ("a window that overflows", get(1, b"/files/big") + 3 *
     frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")),
    ("settings of a wrong length", frame(SETTINGS, 0, 0, b"12345")),
    ("a ping of a wrong length", frame(PING, 0, 0, b"1234567")),
    ("an index that is not there", frame(HEADERS, 5, 1, b"\xff\xff\x01")),
    ("a number without end", frame(HEADERS, 5, 1, b"\xff" * 64)),
    ("a push", frame(5, 4, 1, b"\0\0\0\2")),
])
def test_broken_frames_end_the_connection(victim, name, data):
    with http2(victim) as s:
        pour(s, [data])
        assert goaway(read_all(s)) not in (None, 0), name


@pytest.mark.parametrize("fields, status", [
    (HEAD + literal(b":path", b"/files/%2e%2e/x"), b"400"),
    (HEAD + literal(b":path", b"/files/a%00"), b"400"),
    (HEAD + literal(b":path", b"/files/a") + literal(b"origin", b"null"),
     b"403"),
    (b"\x82\x86" + literal(b":authority", b"evil.example") +
     literal(b":path", b"/files/a"), b"421"),
    (HEAD + literal(b":path", b"/files/a") +
     literal(b"host", b"evil.example"), b"400"),
])
def test_http2_requests_that_are_refused(victim, fields, status):
    with http2(victim) as s:
        s.sendall(frame(HEADERS, 5, 1, fields))
        out = b""
        while not any(k == HEADERS for k, _, _ in frames(out)):
            part = s.recv(4096)
            assert part, "closed"
            out += part
        # problem+json repeats it, in clear
        while b'"status":' not in out:
            out += s.recv(4096)
        assert b'"status":' + status in out, out


def test_http2_fields_that_are_not_allowed(victim):
    """Another framing by way of HTTP/2: the stream is reset."""
    for field in (literal(b"transfer-encoding", b"chunked"),
                  literal(b"connection", b"close"),
                  literal(b"X-Upper", b"x"), literal(b"a b", b"x"),
                  literal(b"x", b"a\r\nb: c"), literal(b":path", b"/x")):
        with http2(victim) as s:
            s.sendall(get(1, more=field))
            s.settimeout(PATIENCE)
            out = b""
            while not any(k in (RST_STREAM, GOAWAY)
                          for k, _, _ in frames(out)):
                part = s.recv(4096)
                if not part:
                    break
                out += part
            assert b"good" not in out, field


# --- who does not read, who does not finish ---------------------------------------

def test_clients_that_never_read(victim):
    """Streams by the hundred for a large file, and nobody takes a byte."""
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            s = stack.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.connect(("127.0.0.1", victim.http_port))
            s.settimeout(5)
            s.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(
                ">HI", 4, 0x7fffffff)) + b"".join(
                    get(i, b"/files/big") for i in range(1, 400, 2)))
        for _ in range(15):
            s = stack.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            s.connect(("127.0.0.1", victim.http_port))
            s.sendall(b"GET /files/big HTTP/1.1\r\nHost: localhost\r\n\r\n" *
                      100)
        answers_at_once(lambda: ordinary_requests(victim))


def test_one_address_does_not_hold_all_files(victim):
    """As many files as may be open at once, asked for and not taken."""
    for i in range(300):
        put_ok(victim, Version(f"many/{i}", b"x", SIGNER))
    with contextlib.ExitStack() as stack:
        for n in range(40):
            s = stack.enter_context(http2(victim, struct.pack(">HI", 4, 0)))
            s.sendall(b"".join(
                get(1 + 2 * i, b"/files/many/%d" % ((n * 32 + i) % 300))
                for i in range(32)))
            # all of them have been answered
            out = b""
            s.settimeout(PATIENCE)
            while sum(k == HEADERS for k, _, _ in frames(out)) < 32:
                out += s.recv(1 << 16)
        s = stack.enter_context(socket.socket())
        s.bind(("127.0.0.9", 0))
        s.settimeout(5)
        s.connect(("127.0.0.1", victim.http_port))
        for i in range(60):
            s.sendall(b"GET /files/many/%d HTTP/1.1\r\nHost: localhost"
                      b"\r\n\r\n" % (299 - i))
            assert s.recv(4096).startswith(b"HTTP/1.1 200 "), i


@pytest.mark.parametrize("window", [0, 1])
def test_pages_that_nobody_takes(victim, window):
    """Lists by the ten thousand, from as many connections as there may be,
    whose clients keep their windows closed, or open for a byte."""
    for i in range(100):
        put_ok(victim, Version(f"many/{'x' * 200}{i}", b"x", SIGNER))
    asks = b"".join(get(1 + 2 * i, path) for i, path in enumerate(
        [b"/files", b"/metrics"] * 16))
    with contextlib.ExitStack() as stack:
        # the last places are for those who are looked at below
        socks = [stack.enter_context(socket.socket()) for _ in range(500)]
        for i, s in enumerate(socks):
            s.bind((f"127.0.0.{10 + i % 10}", 0))
            s.settimeout(PATIENCE)
            s.connect(("127.0.0.1", victim.http_port))
            with contextlib.suppress(ConnectionError):
                s.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(
                    ">HI", 4, window)) + asks)
        for s in socks:
            # all of them are answered, or it is cut off
            out, part = b"", b"more"
            with contextlib.suppress(ConnectionError):
                while part and sum(k in (HEADERS, RST_STREAM)
                                   for k, _, _ in frames(out)) < 32:
                    part = s.recv(1 << 16)
                    out += part
        assert victim.status()["dm_net_restarts"] == [0]
        for path in ("/healthz", "/files/a", "/files", "/metrics"):
            assert ask(victim, "GET", path, timeout=PATIENCE).status == 200


def test_half_heads_and_half_bodies(victim):
    version = Version("a", b"x" * 1000, SIGNER)
    fields = "".join(f"{k}: {v}\r\n" for k, v in version.headers().items())
    half = (b"GET /files/a HT", PREFACE[:10], b"\r\n" * 50, b"", PREFACE,
            ("PUT /files/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
             f"1000\r\n{fields}\r\nxxx").encode())
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(victim)) for _ in range(60)]
        for i, s in enumerate(socks):
            s.sendall(half[i % len(half)])
        assert ask(victim, "GET", "/files/a", timeout=5).body == b"good"
        # nobody holds a place for longer than a head, or a body, may take
        for s in socks:
            read_all(s, 60)
            assert s.fileno() != -1
    assert victim.ask("status_store").verdict == "ok"


def test_one_address_leaves_room_for_others(victim):
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            with contextlib.suppress(OSError):
                stack.enter_context(connect(victim)).sendall(b"G")
        s = stack.enter_context(socket.socket())
        s.bind(("127.0.0.9", 0))
        s.settimeout(5)
        s.connect(("127.0.0.1", victim.http_port))
        s.sendall(b"GET /files/a HTTP/1.1\r\nHost: localhost\r\n"
                  b"Connection: close\r\n\r\n")
        assert read_all(s).endswith(b"good")
    # the kernel has told dm-net that they are gone
    def free():
        with contextlib.suppress(OSError):
            return ask(victim, "GET", "/healthz", timeout=5).status == 200
    from conftest import eventually
    eventually(free)


def test_silent_ones_keep_nobody_of_their_address_out(victim):
    """More of them than one address may have, each opened anew when it is
    closed, and others get their answer from the same address."""
    with contextlib.ExitStack() as stack:
        for n in range(5):
            for _ in range(80):
                stack.enter_context(connect(victim)).sendall(b"GET /"[:n])
            answer = ask(victim, "GET", "/files/a", timeout=5)
            assert (answer.status, answer.body) == (200, b"good")
        text = ask(victim, "GET", "/metrics", timeout=5).body.decode()
    dropped = re.search(
        r'http_connections_dropped_total\{limit="address"\} (\d+)', text)
    assert int(dropped.group(1)) >= 5 * 80 - 64


def test_connections_that_come_and_go(victim):
    for i in range(2000):
        s = socket.socket()
        s.connect(("127.0.0.1", victim.http_port))
        if i % 2:
            # a reset instead of an orderly end
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
            s.send(b"GET /files/big HTTP/1.1\r\nHost: localhost\r\n\r\n")
        s.close()


# --- one request is one request ----------------------------------------------------

@pytest.mark.parametrize("name, data", [
    ("both framings", b"POST /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked, twice", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
     b"0\r\n\r\n"),
    ("chunked with a tab", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n"),
    ("another coding", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Transfer-Encoding: xchunked\r\n\r\n"),
    ("two lengths in one", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Length: 0, 0\r\n\r\n"),
    ("the same length twice", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    ("a length in hexadecimal", b"PUT /files/a HTTP/1.1\r\n"
     b"Host: localhost\r\nContent-Length: 0x0\r\n\r\n"),
    ("a length that is negative", b"PUT /files/a HTTP/1.1\r\n"
     b"Host: localhost\r\nContent-Length: -1\r\n\r\n"),
    ("a length with a body where none is", b"GET /files/a HTTP/1.1\r\n"
     b"Host: localhost\r\nContent-Length: 50\r\n\r\n"),
    ("a length of HTTP/1.0", b"GET /files/a HTTP/1.0\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n"),
    ("a folded framing", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Length:\r\n 0\r\n\r\n"),
    ("a carriage return alone", b"PUT /files/a HTTP/1.1\r\nHost: localhost"
     b"\r\nX: y\rContent-Length: 0\r\n\r\n"),
    ("a line feed alone", b"GET /files/a HTTP/1.1\r\nHost: localhost\n"
     b"X: y\r\n\r\n"),
    ("a name with a space", b"PUT /files/a HTTP/1.1\r\nHost: localhost\r\n"
     b"Content-Length : 0\r\n\r\n"),
    ("a target with a space", b"GET /files/a b HTTP/1.1\r\n"
     b"Host: localhost\r\n\r\n"),
    ("a field before all", b"GET /files/a HTTP/1.1\r\n Host: localhost\r\n"
     b"Host: localhost\r\n\r\n"),
    ("an old version", b"GET /files/a\r\n\r\n"),
])
def test_nothing_is_smuggled(victim, name, data):
    """What follows is never taken for a second request."""
    with connect(victim) as s:
        s.sendall(data + b"GET /files/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
        out = read_all(s)
        assert out.count(b"HTTP/1.1 ") == 1, (name, out)
        assert b"HTTP/1.1 4" in out and b"good" not in out, (name, out)


@pytest.mark.parametrize("target, status", [
    ("/files/a", 200), ("/files/%61", 200), ("http://localhost/files/a", 200),
    ("/files/a?x=../b", 200),
    ("/files/../a", 400), ("/files/%2e%2e/a", 400), ("/files/.a", 400),
    ("/files/%2fetc%2fpasswd", 400), ("/files//a", 400), ("//files/a", 404),
    ("/files/a%00", 400), ("/files/a%0d%0aX: y", 400), ("/files/a%zz", 400),
    ("/files/a%", 400), ("/files/%ff", 400), ("/files/" + "a" * 256, 400),
    ("/files/" + "%61" * 255, 404), ("/files/a#b", 400), ("files/a", 400),
    ("/files/a\\..\\b", 400), ("/files/a;b", 400), ("/files/a/../a", 400),
    ("http://evil.example/files/a", 421), ("http:///files/a", 400),
    ("http://localhost@evil.example/files/a", 421),
    ("https://localhost/files/a", 400), ("*", 404), ("/FILES/a", 404),
])
def test_targets(victim, target, status):
    with connect(victim) as s:
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n"
                  "Connection: close\r\n\r\n".encode("latin-1"))
        out = read_all(s)
        assert int(out.split()[1]) == status, out


@pytest.mark.parametrize("host, status", [
    ("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1", 200),
    ("127.9.9.9", 200), ("[::1]", 200), ("[::1]:7331", 200),
    ("evil.example", 421), ("localhost.evil.example", 421),
    ("127.0.0.1.evil.example", 421), ("localhost.", 421), ("192.0.2.1", 421),
    ("0.0.0.0", 421), ("2130706433", 421), ("0x7f.1", 421), ("127.1", 421),
    ("[::]", 421), ("[::ffff:127.0.0.1]", 421), ("[::1", 421), ("", 421),
    ("localhost:80:80", 421), ("localhost:x", 421), ("user@localhost", 421),
    ("localhost evil", 421), ("localhost/evil", 421),
])
def test_hosts(victim, host, status):
    """DNS rebinding: a name that somebody made point here."""
    for line in (f"Host: {host}\r\n",
                 f"Host: {host}\r\nConnection: close\r\n"):
        with connect(victim) as s:
            s.sendall(f"GET /files/a HTTP/1.1\r\n{line}\r\n".encode())
            if "close" not in line:
                s.shutdown(socket.SHUT_WR)
            out = read_all(s)
        assert int(out.split()[1]) == status, out
