# SPDX-License-Identifier: ISC
"""What was sent, what was acknowledged, and what the nodes showed of it; the
promises that are held against it.

A version that was acknowledged is never lost. One that was sent and not
acknowledged may be there or not: its answer was lost, not necessarily the
version. Contents are random, so content says which version it is."""

import hashlib
import threading


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.sent = {}          # name -> [Version]
        self.by_content = {}    # (name, sha256) -> Version
        self.best = {}          # name -> the greatest acknowledged
        self.acknowledged = 0
        self.refused = {}       # code -> count
        self.shown = {}         # (node, name) -> rank last shown
        self.violations = []

    # --- what clients did ----

    def send(self, version):
        """Before it leaves: it may be stored although no answer comes."""
        with self.lock:
            self.sent.setdefault(version.name, []).append(version)
            if version.kind == "file":
                self.by_content[version.name, version.sha256] = version

    def acknowledge(self, version):
        with self.lock:
            self.acknowledged += 1
            best = self.best.get(version.name)
            if best is None or version.rank > best.rank:
                self.best[version.name] = version

    def refuse(self, code):
        with self.lock:
            self.refused[code] = self.refused.get(code, 0) + 1

    # --- what a node shows ----

    def violate(self, text):
        with self.lock:
            if text not in self.violations:
                self.violations.append(text)

    def show(self, node, name, content):
        """A file as it was read on a node at any time; None: it is not there.
        It is a version that was sent, and no older one than before."""
        with self.lock:
            last = self.shown.get((node, name))
            sent = list(self.sent.get(name, ()))
        if content is None:
            if last is not None:
                self._vanish(node, name, last, sent)
            return
        version = self.by_content.get(
            (name, hashlib.sha256(content).digest()))
        if version is None:
            self.violate(f"{node}: {name} shows {len(content)} bytes that "
                         "nobody uploaded")
            return
        if last is not None and version.rank < last:
            self.violate(f"{node}: {name} shows a version that is older than "
                         "the one before")
        with self.lock:
            if last is None or version.rank > last:
                self.shown[node, name] = version.rank

    def _vanish(self, node, name, last, sent):
        ends = [v.rank for v in sent
                if v.kind == "delete" and v.rank >= last]
        if not ends:
            self.violate(f"{node}: {name} was there and is gone, and nobody "
                         "deleted it")
            return
        with self.lock:     # which of them it was cannot be seen: the least
            if self.shown[node, name] == last:
                self.shown[node, name] = min(ends)

    def extra(self, node, names):
        """Names on a node that nobody ever uploaded."""
        for name in names:
            if name not in self.sent:
                self.violate(f"{node}: {name} was never uploaded")

    # --- at the end ----

    def judge(self, node, files):
        """All of a node's files, when everything has healed."""
        self.judge_digests(node, {name: hashlib.sha256(content).digest()
                                  for name, content in files.items()})

    def judge_digests(self, node, files):
        """As judge(), of the sha256 of each file."""
        self.extra(node, files)
        for name, best in self.best.items():
            shown = files.get(name)
            if shown is None:
                if best.kind == "file" and not self._deleted_after(best):
                    self.violate(f"{node}: {name}: an acknowledged version is "
                                 "lost")
                continue
            version = self.by_content.get((name, shown))
            if version is None:
                self.violate(f"{node}: {name} shows what nobody uploaded")
            elif version.rank < best.rank:
                self.violate(
                    f"{node}: {name}: " +
                    ("it was deleted and is back" if best.kind == "delete"
                     else "an acknowledged version is lost"))

    def _deleted_after(self, best):
        return any(v.kind == "delete" and v.rank > best.rank
                   for v in self.sent[best.name])
