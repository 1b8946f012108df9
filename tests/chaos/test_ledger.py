# SPDX-License-Identifier: ISC
"""The ledger sees each kind of broken promise, and none where none is."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from ledger import Ledger  # noqa: E402
from versions import Signer, Version  # noqa: E402

SIGNER = Signer(bytes(32))
OLD = Version("a", b"old", SIGNER, at=1)
NEW = Version("a", b"new", SIGNER, at=2)
GONE = Version("a", None, SIGNER, at=3)


@pytest.fixture
def ledger():
    return Ledger()


def sent(ledger, *versions, acknowledged=()):
    for v in versions:
        ledger.send(v)
    for v in acknowledged:
        ledger.acknowledge(v)


def test_what_was_acknowledged_is_there(ledger):
    sent(ledger, OLD, NEW, acknowledged=[OLD, NEW])
    ledger.judge("n", {"a": b"new"})
    assert ledger.violations == []
    ledger.judge("n", {"a": b"old"})
    assert ledger.violations == ["n: a: an acknowledged version is lost"]


def test_what_was_acknowledged_is_missing(ledger):
    sent(ledger, OLD, acknowledged=[OLD])
    ledger.judge("n", {})
    assert ledger.violations == ["n: a: an acknowledged version is lost"]


def test_what_was_not_answered_may_be_there_or_not(ledger):
    sent(ledger, OLD, NEW, acknowledged=[OLD])
    ledger.judge("n", {"a": b"old"})
    ledger.judge("n", {"a": b"new"})
    assert ledger.violations == []


def test_an_unanswered_deletion_may_have_happened(ledger):
    sent(ledger, OLD, GONE, acknowledged=[OLD])
    ledger.judge("n", {})
    ledger.judge("n", {"a": b"old"})
    assert ledger.violations == []


def test_what_was_deleted_is_back(ledger):
    sent(ledger, OLD, GONE, acknowledged=[OLD, GONE])
    ledger.judge("n", {})
    assert ledger.violations == []
    ledger.judge("n", {"a": b"old"})
    assert ledger.violations == ["n: a: it was deleted and is back"]


def test_content_and_names_that_nobody_uploaded(ledger):
    sent(ledger, OLD, acknowledged=[OLD])
    ledger.judge("n", {"a": b"ol", "b": b""})
    assert ledger.violations == ["n: b was never uploaded",
                                 "n: a shows what nobody uploaded"]


def test_a_node_never_goes_back(ledger):
    sent(ledger, OLD, NEW, GONE)
    ledger.show("n", "a", None)
    ledger.show("n", "a", b"old")
    ledger.show("n", "a", b"new")
    ledger.show("other", "a", b"old")
    ledger.show("n", "a", None)
    assert ledger.violations == []
    ledger.show("n", "a", b"old")
    assert ledger.violations == [
        "n: a shows a version that is older than the one before"]


def test_what_vanishes_was_deleted(ledger):
    sent(ledger, OLD)
    ledger.show("n", "a", b"old")
    ledger.show("n", "a", None)
    assert ledger.violations == [
        "n: a was there and is gone, and nobody deleted it"]


def test_a_deleted_version_does_not_flicker(ledger):
    sent(ledger, NEW, GONE)
    ledger.show("n", "a", b"new")
    ledger.show("n", "a", None)
    ledger.show("n", "a", None)
    assert ledger.violations == []
    ledger.show("n", "a", b"new")
    assert ledger.violations == [
        "n: a shows a version that is older than the one before"]


def test_half_a_file_is_seen(ledger):
    sent(ledger, OLD)
    ledger.show("n", "a", b"ol")
    assert ledger.violations == [
        "n: a shows 2 bytes that nobody uploaded"]
