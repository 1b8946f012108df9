# SPDX-License-Identifier: ISC
"""A state directory that is not what it should be: said in a sentence, and
what can be proved is served."""
import contextlib
import os
import random
import subprocess

import pytest

from conftest import IS_ROOT, eventually
from mesh import content, put, put_ok, wait_content
from test_scrub import call, quarantined, status
from versions import Signer, Version

SIGNER = Signer()
NAMES = [f"dir/{i}" for i in range(60)]


def text(name):
    return f"content of {name} ".encode() * 20


@pytest.fixture
def pair(mesh):
    """Two nodes with the same sixty files; the second is to suffer."""
    mesh.files = {"dir/*": [SIGNER.text]}
    first, second = mesh.add(), mesh.add()
    mesh.wait_connected()
    for name in NAMES:
        put_ok(first, Version(name, text(name), SIGNER))
    for name in NAMES:
        wait_content([second], name, text(name))
    return first, second


def wait_healed(node):
    for name in NAMES:
        wait_content([node], name, text(name))
    eventually(lambda: status(node, "wanted") == 0)


def data(node):
    return node.state / "index/data.mdb"


def zero_head(path):
    with open(path, "r+b") as f:
        f.write(bytes(8192))


def cut_short(path):
    os.truncate(path, os.path.getsize(path) // 2 & ~4095)


def garbage(path):
    owner = os.stat(path)
    path.write_bytes(random.Random(1).randbytes(100000))
    os.chown(path, owner.st_uid, owner.st_gid)


def zero_pages(path):
    """Every page but the first two, whatever is in it."""
    with open(path, "r+b") as f:
        f.seek(8192)
        f.write(bytes(os.path.getsize(path) - 8192))


@pytest.mark.parametrize("harm", [zero_head, cut_short, garbage, zero_pages])
def test_damaged_index(pair, harm):
    _, second = pair
    second.stop()
    harm(data(second))
    since = len(second.log())
    second.start()
    wait_healed(second)
    second.wait_log(r"the index is damaged .*kept as quarantine/index-\d+, "
                    "and everything is fetched again", since)
    assert len([p for p in quarantined(second)
                if p.name.startswith("index-")]) == 1


def test_bits_of_the_index_rot(pair):
    """A few bits anywhere: whatever comes of it, the node is whole again."""
    _, second = pair
    chance = random.Random(7)
    for _ in range(5):
        second.stop()
        size = os.path.getsize(data(second))
        with open(data(second), "r+b") as f:
            for _ in range(30):
                at = chance.randrange(8192, size)
                f.seek(at)
                byte = f.read(1)[0]
                f.seek(at)
                f.write(bytes([byte ^ 1 << chance.randrange(8)]))
        second.start()
        wait_healed(second)


def test_files_are_swapped_and_truncated(pair):
    _, second = pair
    second.stop()
    files = second.state / "files"
    os.rename(files / "dir/10", files / "t")
    os.rename(files / "dir/11", files / "dir/10")
    os.rename(files / "t", files / "dir/11")
    os.truncate(files / "dir/12", 3)
    second.start()
    call(second, "fsck", code=65)
    wait_healed(second)
    call(second, "fsck")


def test_emptied_state_directory(pair):
    _, second = pair
    second.stop()
    for name in ("data.mdb", "lock.mdb"):
        (second.state / "index" / name).unlink(missing_ok=True)
    since = len(second.log())
    second.start()
    wait_healed(second)
    second.wait_log("there are files but no index", since)


@pytest.mark.skipif(not IS_ROOT, reason="needs other owners")
def test_wrong_owner(pair):
    _, second = pair
    files = second.state / "files/dir"
    owner = os.stat(files / "1")
    second.stop()
    for name in ("1", "2"):
        os.chown(files / name, 0, 0)
        (files / name).chmod(0o600)
    since = len(second.log())
    second.start()
    wait_healed(second)
    second.wait_log("files/dir/1 does not belong to store_user", since)
    assert os.stat(files / "1").st_uid == owner.st_uid
    # the index itself
    second.stop()
    os.chown(data(second), 0, 0)
    data(second).chmod(0o600)
    since = len(second.log())
    second.spawn()
    second.wait_log("index/ and what is in it must belong to store_user",
                    since)
    os.chown(data(second), owner.st_uid, owner.st_gid)
    second.wait_ready()
    wait_healed(second)


@contextlib.contextmanager
def read_only(path):
    subprocess.run(["mount", "--bind", path, path], check=True)
    try:
        def remount(how):
            subprocess.run(["mount", "-o", f"remount,{how},bind", path],
                           check=True)
        yield remount
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.mark.skipif(not IS_ROOT, reason="needs a file system of its own")
def test_read_only_file_system(make_node):
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    for name in NAMES:
        put_ok(node, Version(name, text(name), SIGNER))
    node.stop()
    with read_only(node.state) as remount:
        remount("ro")
        since = len(node.log())
        node.start()
        node.wait_log("on a read-only file system: what is there is served",
                      since)
        for name in NAMES:
            assert content(node, name) == text(name)
        answer = put(node, Version("dir/new", b"new", SIGNER))
        assert answer.status in (500, 507), answer
        assert "read-only file system" in call(node, "status", code=2)
        call(node, "fsck")
        since = len(node.log())
        remount("rw")
        node.wait_log("can be written again", since)
        eventually(lambda: put(node, Version(
            "dir/new", b"new", SIGNER)).status in (200, 201))
        assert content(node, NAMES[0]) == text(NAMES[0])
        node.stop()
