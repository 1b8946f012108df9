# SPDX-License-Identifier: ISC
"""A file that cannot be put in its place, at a start as at run time: it is
named and set apart, all others are served, and it comes back by itself."""
import contextlib
import os

import pytest

from conftest import eventually
from mesh import ask, content, put, put_ok
from rights import needs_root
from test_bad_disk import lines, mode
from test_faults import Filler, small_disk  # noqa: F401
from test_scrub import call, status
from versions import Signer, Version

SIGNER = Signer()
FILES = {"files": {"dir/*": [SIGNER.text], "sub/*": [SIGNER.text]}}
OWNER = "files/ and everything in it must belong to store_user"


@contextlib.contextmanager
def owned_by_root(path):
    """As a restore leaves it."""
    before = path.stat()
    os.chown(path, 0, 0)
    with mode(path, 0o700):
        yield
    os.chown(path, before.st_uid, before.st_gid)


def locked(node):
    return mode(node.state / "files/sub", 0o500)


def restored(node):
    return owned_by_root(node.state / "files/sub")


@contextlib.contextmanager
def obstructed(node):
    """A directory in its place that only root can move."""
    place = node.state / "files/sub/x"
    place.unlink()
    (place / "y").mkdir(parents=True)
    with owned_by_root(place):
        yield
    (place / "y").rmdir()
    place.rmdir()


def is_served(node, name, expected):
    answer = ask(node, "GET", f"/files/{name}")
    return answer.status == 200 and answer.body == expected


def set_apart(node, version):
    """Durable, and not in its place."""
    answer = put(node, version)
    assert (answer.status, answer.code) == (500, "io-error")
    assert status(node, "set_apart") == 1


@pytest.mark.parametrize("size", [1000, 200_000])
@pytest.mark.parametrize("harm", [
    locked, pytest.param(restored, marks=needs_root),
    pytest.param(obstructed, marks=needs_root)])
def test_one_name_stops_no_start(make_node, harm, size):
    node = make_node(**FILES).start()
    others = {f"dir/{i}": os.urandom(size) for i in range(5)}
    for name, data in others.items():
        put_ok(node, Version(name, data, SIGNER))
    put_ok(node, Version("sub/x", b"before", SIGNER))
    new = Version("sub/x", os.urandom(size), SIGNER)
    with harm(node):
        set_apart(node, new)
        for _ in range(2):
            assert node.stop() == 0
            since = len(node.log())
            node.start()
            for name, data in others.items():
                eventually(lambda n=name, d=data: is_served(node, n, d))
            assert ask(node, "GET", "/files/sub/x").status != 200
            assert len(lines(node, since, r"error: files/sub/x cannot be put "
                             rf"in its place: Permission denied: {OWNER}")) == 1
            assert status(node, "set_apart") == 1
            assert "1 files could not be put in place" in call(
                node, "status", code=1)
            put_ok(node, Version("dir/0", others["dir/0"], SIGNER))
    eventually(lambda: is_served(node, "sub/x", new.content))
    assert content(node, "sub/x") == new.content
    assert status(node, "set_apart") == 0
    # and there is nothing left to do
    node.stop()
    since = len(node.log())
    node.start()
    eventually(lambda: is_served(node, "sub/x", new.content))
    assert lines(node, since, "error: ") == []


@pytest.mark.parametrize("kind", ["put", "delete"])
def test_a_later_version_takes_its_place(make_node, kind):
    node = make_node(**FILES).start()
    put_ok(node, Version("sub/x", b"before", SIGNER))
    with locked(node):
        set_apart(node, Version("sub/x", b"first", SIGNER))
        node.stop()
        node.start()
        eventually(lambda: status(node, "set_apart") == 1)
        set_apart(node, Version(
            "sub/x", b"second" if kind == "put" else None, SIGNER))
    eventually(lambda: status(node, "set_apart") == 0)
    if kind == "put":
        assert content(node, "sub/x") == b"second"
    else:
        assert not (node.state / "files/sub/x").exists()
        assert ask(node, "GET", "/files/sub/x").status in (404, 410)


@needs_root
def test_a_start_on_a_full_disk(mesh, small_disk):  # noqa: F811
    """No room for what is to be written: what is whole is served."""
    mesh.files = FILES["files"]
    node = mesh.add(start=False, limits={"min_free": "0"})
    small_disk(node)
    node.start()
    other = Version("dir/0", os.urandom(50_000), SIGNER)
    put_ok(node, other)
    put_ok(node, Version("sub/x", b"before", SIGNER))
    new = Version("sub/x", os.urandom(50_000), SIGNER)
    with locked(node):
        set_apart(node, new)
        node.stop()
    for left in (node.state / "index/tmp").iterdir():
        left.unlink()
    filler = Filler(node, leave=0)
    since = len(node.log())
    node.start()
    eventually(lambda: is_served(node, "dir/0", other.content))
    assert ask(node, "GET", "/files/sub/x").status != 200
    assert len(lines(node, since, "error: files/sub/x cannot be put in its "
                     "place: No space left on device: make room")) == 1
    filler.remove()
    eventually(lambda: is_served(node, "sub/x", new.content))
    assert status(node, "set_apart") == 0
