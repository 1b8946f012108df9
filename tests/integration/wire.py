# SPDX-License-Identifier: ISC
"""What tests need to speak with dmd: MessagePack, the control socket, and the
message table. Small on purpose: it decodes what our own encoders write."""

import pathlib
import re
import socket
import struct

ROOT = pathlib.Path(__file__).resolve().parents[2]


# --- MessagePack ------------------------------------------------------------

def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if value < 0x80:
            return bytes([value])
        for code, size, form in ((0xcc, 1, ">B"), (0xcd, 2, ">H"),
                                 (0xce, 4, ">I"), (0xcf, 8, ">Q")):
            if value < 1 << 8 * size:
                return bytes([code]) + struct.pack(form, value)
    if isinstance(value, bytes):
        if len(value) < 1 << 8:
            return b"\xc4" + bytes([len(value)]) + value
        return b"\xc5" + struct.pack(">H", len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        if len(raw) < 32:
            return bytes([0xa0 | len(raw)]) + raw
        if len(raw) < 1 << 8:
            return b"\xd9" + bytes([len(raw)]) + raw
        return b"\xda" + struct.pack(">H", len(raw)) + raw
    if isinstance(value, (list, tuple)):
        head = (bytes([0x90 | len(value)]) if len(value) < 16
                else b"\xdc" + struct.pack(">H", len(value)))
        return head + b"".join(pack(v) for v in value)
    raise TypeError(type(value))


def _unpack(data, at):
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if code & 0xf0 == 0x90:
        return _array(data, at, code & 15)
    if code & 0xe0 == 0xa0:
        return data[at:at + (code & 31)].decode(), at + (code & 31)
    if code in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}[code], at
    forms = {0xc4: ">B", 0xc5: ">H", 0xc6: ">I", 0xcc: ">B", 0xcd: ">H",
             0xce: ">I", 0xcf: ">Q", 0xd9: ">B", 0xda: ">H", 0xdc: ">H"}
    form = forms[code]
    number = struct.unpack_from(form, data, at)[0]
    at += struct.calcsize(form)
    if 0xcc <= code <= 0xcf:
        return number, at
    if code == 0xdc:
        return _array(data, at, number)
    raw = data[at:at + number]
    return (raw.decode() if code in (0xd9, 0xda) else bytes(raw)), at + number


def _array(data, at, n):
    out = []
    for _ in range(n):
        value, at = _unpack(data, at)
        out.append(value)
    return out, at


def unpack(data):
    value, = unpack_all(data)
    return value


def unpack_all(data):
    """The values that follow each other there."""
    values, at = [], 0
    while at < len(data):
        value, at = _unpack(data, at)
        values.append(value)
    assert at == len(data), "trailing bytes"
    return values


# --- the tables -----------------------------------------------------------------

def _lines(name):
    return (ROOT / "common" / name).read_text()


#: number of each message between the processes, by name
MESSAGES = {m: i for i, m in enumerate(
    re.findall(r"^MESSAGE\((\w+),", _lines("ipc_messages.def"), re.M))}
MESSAGE_NAMES = {i: m for m, i in MESSAGES.items()}
COMMANDS = {name: int(number) for name, number in re.findall(
    r"^COMMAND\((\w+), \w+, (\d+),", _lines("control.def"), re.M)}
ROWS = re.findall(r"^ROW\((\w+),", _lines("control.def"), re.M)
VERDICTS = re.findall(r"^VERDICT\(\w+,\s*\"([a-z0-9-]+)\"",
                      _lines("verdict.def"), re.M)


# --- the control socket ------------------------------------------------------------

def request(command, *fields):
    number = COMMANDS[command] if isinstance(command, str) else command
    body = pack([number, *fields])
    return b"DMC1" + struct.pack("<BBH", 1, number, len(body)) + body


class Answer:
    """rows: (kind, fields...); verdict: the stable code; sentence."""

    def __init__(self):
        self.rows = []
        self.verdict = None
        self.sentence = None

    def values(self):
        """Rows of kind value: key -> list of what they say."""
        out = {}
        for kind, key, how, number, text in self.rows:
            assert ROWS[kind] == "value"
            out.setdefault(key, []).append(text if how == 0 else number)
        return out

    def value(self, key):
        return self.values()[key][0]


def ask_raw(path, data, timeout=10, fds=()):
    answer = Answer()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(timeout)
        s.connect(str(path))
        try:
            if fds:
                socket.send_fds(s, [data], list(fds))
            else:
                s.send(data)
        except BrokenPipeError:
            pass  # refused before it was asked: the answer is there
        while True:
            record = s.recv(65536)
            if not record:
                return answer
            first, second, *more = unpack(record)
            if first == 0:
                answer.rows.append(tuple(second))
            else:
                answer.verdict = VERDICTS[second]
                answer.sentence = more[0]


def ask(path, command, *fields, timeout=10, fds=()):
    return ask_raw(path, request(command, *fields), timeout, fds)


# --- a channel, as dmd or as a sibling -------------------------------------------------

class Channel:
    """One end of a channel between processes. The other end's hello tells
    the hash of the table, which is sent back."""

    def __init__(self, sock, role, timeout=10):
        self.sock = sock
        self.sock.settimeout(timeout)
        self.role = role
        self.heard = []  # messages that came in one packet with another

    def send(self, name, *fields, fd=None):
        data = pack([MESSAGES[name], *fields])
        if fd is None:
            self.sock.send(data)
        else:
            socket.send_fds(self.sock, [data], [fd])

    def recv(self):
        """(name, fields); None at the end. Pings are answered here."""
        while True:
            if not self.heard:
                self.heard = unpack_all(self.sock.recv(65536))
            if not self.heard:
                return None
            number, *fields = self.heard.pop(0)
            name = MESSAGE_NAMES[number]
            if name == "ping":
                self.send("pong", fields[0])
                continue
            return name, fields

    def hello(self):
        name, fields = self.recv()
        assert name == "hello"
        self.send("hello", self.role, fields[1])
        return fields[0]
