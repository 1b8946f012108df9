# SPDX-License-Identifier: ISC
"""A client that uploads and deletes without a pause, and writes down what was
acknowledged."""

import contextlib
import http.client
import os
import random
import threading
import time

from versions import Version

NAMES = 8                   # of each writer, and as many that all write
SIZES = (100, 5000, 80_000, 400_000)
WEIGHTS = (60, 25, 12, 3)
PAUSE_S = 0.1               # after a connection that failed


class Writer(threading.Thread):
    """On loopback; it ends soon after is_over is set."""

    def __init__(self, number, port, ledger, signer, seed):
        super().__init__(daemon=True)
        self.number, self.port = number, port
        self.ledger, self.signer = ledger, signer
        self.rng = random.Random(seed)
        self.is_over, self.http = False, None

    def version(self):
        folder = f"w{self.number}" if self.rng.random() < 0.7 else "s"
        name = f"{folder}/{self.rng.randrange(NAMES)}"
        if self.rng.random() < 0.15:
            return Version(name, None, self.signer)
        size = self.rng.choices(SIZES, WEIGHTS)[0]
        return Version(name, os.urandom(size), self.signer)

    def put(self, version):
        """The HTTP status of the answer, and its body."""
        self.http = self.http or http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=20)
        method = "DELETE" if version.kind == "delete" else "PUT"
        self.http.request(method, "/files/" + version.name,
                          version.content or None, version.headers())
        answer = self.http.getresponse()
        return answer.status, answer.read()

    def run(self):
        while not self.is_over:
            version = self.version()
            self.ledger.send(version)
            try:
                status, body = self.put(version)
            except (OSError, http.client.HTTPException) as error:
                self.ledger.refuse(type(error).__name__)
                self.disconnect()
                time.sleep(PAUSE_S)
                continue
            finally:
                version.content = b""   # its sha256 is enough from here
            if status in (200, 201):
                self.ledger.acknowledge(version)
            else:
                self.ledger.refuse(f"{status} {body[:80]!r}")
        self.disconnect()

    def disconnect(self):
        with contextlib.suppress(OSError):
            if self.http:
                self.http.close()
        self.http = None
