# SPDX-License-Identifier: ISC
"""Signers, and versions of files as they sign them: the formats of dm.toml(5)
written a second time, so that the tests do not agree with the daemon by
sharing its mistakes. Ed25519 is RFC 8032 with a table for the base point, fast
enough for thousands of signatures; test_mesh.py holds it against ssh-keygen."""

import base64
import hashlib
import itertools
import os
import struct
import time

import wire

# --- Ed25519 (RFC 8032, section 5.1) ----

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def _add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _base():
    y = 4 * pow(5, P - 2, P) % P
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, y, 1, x * y % P


def _tables():
    """[i][j]: j * 16^i times the base point."""
    tables, point = [], _base()
    for _ in range(64):
        row = [(0, 1, 1, 0)]
        for _ in range(15):
            row.append(_add(row[-1], point))
        tables.append(row)
        point = _add(row[-1], point)
    return tables


TABLES = _tables()


def _times_base(n):
    q = (0, 1, 1, 0)
    for row in TABLES:
        if n & 15:
            q = _add(q, row[n & 15])
        n >>= 4
    z = pow(q[2], P - 2, P)
    x, y = q[0] * z % P, q[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _number(data):
    return int.from_bytes(data, "little")


class Ed25519:
    def __init__(self, seed):
        self.seed = seed
        h = hashlib.sha512(seed).digest()
        self._a = _number(h[:32]) & ((1 << 254) - 8) | 1 << 254
        self._prefix = h[32:]
        self.public = _times_base(self._a)

    def sign(self, data):
        r = _number(hashlib.sha512(self._prefix + data).digest()) % L
        big_r = _times_base(r)
        k = _number(hashlib.sha512(big_r + self.public + data).digest()) % L
        return big_r + ((r + k * self._a) % L).to_bytes(32, "little")


# --- OpenSSH's forms ----

def _string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


NAMESPACE = "file@data-mesher"


class Signer:
    """A key that may or may not be on a file's list."""

    def __init__(self, seed=None):
        self.key = Ed25519(seed or os.urandom(32))
        self.public = self.key.public
        #: what dm.toml and X-Signedby have
        self.text = base64.b64encode(self.public).decode()
        self._blob = _string("ssh-ed25519") + _string(self.public)
        self.line = "ssh-ed25519 " + base64.b64encode(self._blob).decode()

    def raw(self, text, namespace=NAMESPACE):
        """The bare signature of a text, as SSHSIG has it sign."""
        return self.key.sign(
            b"SSHSIG" + _string(namespace) + _string("") + _string("sha512") +
            _string(hashlib.sha512(text).digest()))

    def blob(self, raw, namespace=NAMESPACE):
        """The whole SSHSIG around a bare signature."""
        return (b"SSHSIG" + struct.pack(">I", 1) + _string(self._blob) +
                _string(namespace) + _string("") + _string("sha512") +
                _string(_string("ssh-ed25519") + _string(raw)))

    def write(self, folder):
        """key.priv and key.pub, as `generate keypair` writes them."""
        check = b"\1\2\3\4"
        secret = (check + check + _string("ssh-ed25519") +
                  _string(self.public) +
                  _string(self.key.seed + self.public) + _string("test"))
        secret += bytes(range(1, 1 + -len(secret) % 8))
        whole = (b"openssh-key-v1\0" + _string("none") + _string("none") +
                 _string("") + struct.pack(">I", 1) + _string(self._blob) +
                 _string(secret))
        path = folder / "key.priv"
        path.touch(mode=0o600)
        path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n" +
                        base64.encodebytes(whole).decode() +
                        "-----END OPENSSH PRIVATE KEY-----\n")
        (folder / "key.pub").write_text(self.line + " test\n")
        return path


# --- versions ----

SECOND = 10**9
_last = itertools.count()


def now():
    """Unix nanoseconds, never the same twice."""
    return time.time_ns() + next(_last)


class Version:
    """One signed version of a file, or with content None its deletion.

    at: Unix ns of signing. claim: what is sent instead of what was signed,
    e.g. claim={"name": "other"}, which makes a forgery of it."""

    def __init__(self, name, content, signer, at=None, valid_for=0,
                 network=None, claim=None):
        self.kind = "delete" if content is None else "file"
        self.name, self.signer, self.valid_for = name, signer, valid_for
        self.content = content if content is not None else b""
        self.at = now() if at is None else at
        self.network = network
        self.size = len(self.content)
        self.sha256 = hashlib.sha256(self.content).digest()
        self.text = (
            f"data-mesher 1\nkind: {self.kind}\nnetwork: "
            f"{base64.b64encode(network).decode() if network else '-'}\n"
            f"name: {name}\nsigned-at: {self.at // SECOND}."
            f"{self.at % SECOND:09}\nvalid-for: {valid_for}\n"
            f"size: {self.size}\nsha256: {self.sha256.hex()}\n").encode()
        self.signature = signer.raw(self.text)
        for key, value in (claim or {}).items():
            assert hasattr(self, key)
            setattr(self, key, value)

    @property
    def version(self):
        return hashlib.sha256(self.signer.public + self.text).digest()

    @property
    def rank(self):
        """Sorts as versions win: the greatest is the file."""
        return self.at, self.kind == "delete", self.version

    @property
    def visible(self):
        """What it makes of its name: content, or None for nothing."""
        return self.content if self.kind == "file" else None

    def headers(self, sha256=True):
        out = {
            "X-Signedat": f"{self.at // SECOND}.{self.at % SECOND:09}",
            "X-Signedby": self.signer.text,
            "X-Signature": base64.b64encode(self.signature).decode(),
        }
        if self.valid_for:
            out["X-Validfor"] = str(self.valid_for)
        if sha256 and self.kind == "file":
            out["X-Sha256"] = self.sha256.hex()
        return out

    def entry(self):
        """The MessagePack form, for the control socket and for peers."""
        return wire.pack([1 if self.kind == "delete" else 0, self.network,
                          self.name, self.at, self.valid_for, self.size,
                          self.sha256, self.signer.public, self.signature])


def winner(versions):
    return max(versions, key=lambda v: v.rank)
