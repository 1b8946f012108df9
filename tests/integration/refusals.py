# SPDX-License-Identifier: ISC
"""Versions that no node takes, and what a node is to answer."""

import contextlib

from conftest import IS_ROOT, eventually
from mesh import files, listing
from versions import SECOND, Signer, Version, now

SIGNER, OTHER, STRANGER = Signer(), Signer(), Signer()
LIMIT = 100_000
#: when what the nodes hold was signed
HELD = now() - 3600 * SECOND


@contextlib.contextmanager
def nothing_stored(node):
    """What the node shows and has on disk is the same afterwards."""
    def all_of_it():
        return files(node), listing(node), {
            r["name"]: r["signed_at"] for r in listing(node).values()}
    before = all_of_it()
    pids = [node.pid(c) for c in ("dm_net", "dm_store", "resolver")]
    yield
    assert all_of_it() == before
    assert [node.pid(c) for c in ("dm_net", "dm_store", "resolver")] == pids
    if IS_ROOT:
        left = node.state / "index" / "tmp"
        eventually(lambda: not list(left.iterdir()),
                   message="an unfinished upload is left on disk")


def hours(n):
    return now() + int(n * 3600 * SECOND)


# name -> (version, HTTP status, stable code, exit code)
def refusals():
    good = Version("a", b"good", SIGNER)
    return {
        "unknown name": (Version("c", b"x", SIGNER), 403, "unknown-file", 77),
        "name below one": (Version("a/x", b"x", SIGNER),
                           403, "unknown-file", 77),
        "name deeper than the pattern": (Version("dir/x/y", b"x", SIGNER),
                                         403, "unknown-file", 77),
        "the pattern itself": (Version("dir", b"x", SIGNER),
                               403, "unknown-file", 77),
        "unknown signer": (Version("a", b"x", STRANGER),
                           403, "unknown-signer", 77),
        "signer of another file": (Version("a", b"x", OTHER),
                                   403, "unknown-signer", 77),
        "signature over other content": (
            Version("a", b"good", SIGNER, claim={
                "content": b"evil", "sha256": Version("a", b"evil", SIGNER)
                .sha256}), 422, "bad-signature", 65),
        "signature over another name": (
            Version("dir/x", b"x", SIGNER, claim={"name": "a"}),
            422, "bad-signature", 65),
        "signature over another time": (
            Version("a", b"x", SIGNER, claim={"at": now()}),
            422, "bad-signature", 65),
        "signature over another end": (
            Version("a", b"x", SIGNER, valid_for=60, claim={"valid_for": 0}),
            422, "bad-signature", 65),
        "signature for a network": (
            Version("a", b"x", SIGNER, network=STRANGER.public,
                    claim={"network": None}), 422, "bad-signature", 65),
        "signature of another kind": (
            Version("a", b"", SIGNER, claim={"kind": "delete"}),
            422, "bad-signature", 65),
        "signed with another key": (
            Version("a", b"x", STRANGER, claim={"signer": SIGNER}),
            422, "bad-signature", 65),
        "signature with another namespace": (
            Version("a", b"x", SIGNER, at=good.at, claim={
                "signature": SIGNER.raw(
                    Version("a", b"x", SIGNER, at=good.at).text, "file")}),
            422, "bad-signature", 65),
        "signature of zeros": (
            Version("a", b"x", SIGNER, claim={"signature": bytes(64)}),
            422, "bad-signature", 65),
        "signed in the future": (Version("a", b"x", SIGNER, at=hours(2)),
                                 422, "signed-in-future", 75),
        "a delete from the future": (
            Version("a", None, SIGNER, at=hours(2)),
            422, "signed-in-future", 75),
        "older than held": (
            Version("a", b"x", SIGNER, at=HELD - SECOND),
            409, "not-newer", 75),
        "older delete": (
            Version("a", None, SIGNER, at=HELD - SECOND),
            409, "not-newer", 75),
        "too large": (Version("a", bytes(LIMIT + 1), SIGNER),
                      413, "too-large", 65),
        "ended already": (
            Version("a", b"x", SIGNER, at=HELD + SECOND, valid_for=1),
            422, "expired", 65),
    }


REFUSALS = refusals()
