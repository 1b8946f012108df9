# SPDX-License-Identifier: ISC
"""A state directory that is not what it should be: said in a sentence, and
what can be proved is served."""
import contextlib
import os
import random
import re
import shutil
import subprocess

import pytest

from conftest import IS_ROOT, eventually
from mesh import ask, content, put, put_ok, wait_content
from rights import mounted, needs_root
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


def wants_nothing(node):
    try:
        return status(node, "wanted") == 0
    except OSError:
        return False            # rotten bits have ended dm-store just now


def wait_healed(node):
    for name in NAMES:
        wait_content([node], name, text(name))
    eventually(lambda: wants_nothing(node))


def data(node):
    return node.state / "index/data.mdb"


def zero_head(path):
    with open(path, "r+b") as f:
        f.write(bytes(8192))


def used(path):
    """Bytes up to the last that is not zero: the file is longer than that."""
    return len(path.read_bytes().rstrip(b"\0"))


def cut_short(path):
    os.truncate(path, used(path) // 2 & ~4095)


def emptied(path):
    os.truncate(path, 0)


def beginning_only(path):
    os.truncate(path, 100)


def one_page(path):
    os.truncate(path, 4096)


def two_pages(path):
    os.truncate(path, 8192)


def garbage(path):
    owner = os.stat(path)
    path.write_bytes(random.Random(1).randbytes(100000))
    os.chown(path, owner.st_uid, owner.st_gid)


def zero_pages(path):
    """Every page but the first two, whatever is in it."""
    with open(path, "r+b") as f:
        f.seek(8192)
        f.write(bytes(os.path.getsize(path) - 8192))


CUT = r"data\.mdb has \d+ bytes, fewer than the \d+ of an empty index"
NO_INDEX = "page 0 does not begin with the magic number of LMDB"
ALTERED = r"page \d+ does not bear its own number"
ENDS = r"page \d+ is after the end of data\.mdb"


@pytest.mark.parametrize("harm,why", [
    (zero_head, NO_INDEX), (garbage, NO_INDEX), (zero_pages, ALTERED),
    (emptied, CUT), (beginning_only, CUT), (one_page, CUT), (two_pages, ENDS),
    (cut_short, ENDS)])
def test_damaged_index(pair, harm, why):
    _, second = pair
    second.stop()
    harm(data(second))
    since = len(second.log())
    second.start()
    wait_healed(second)
    second.wait_log(rf"the index is damaged \({why}\): making a new one from "
                    "its undamaged rows", since)
    second.wait_log(r"moved the damaged index to quarantine/index-\d+; \d+ "
                    "of its records are in the new index", since)
    assert len([p for p in quarantined(second)
                if p.name.startswith("index-")]) == 1


def test_bits_of_the_index_rot(pair):
    """A few bits anywhere: whatever comes of it, the node is whole again."""
    _, second = pair
    chance = random.Random(7)
    for _ in range(5):
        second.stop()
        size = used(data(second))
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
    second.wait_log("files/ has files but there is no index", since)


def test_state_directory_without_anything(pair):
    """Files and index are gone, the identity is not: as if it were new."""
    _, second = pair
    second.stop()
    for part in ("files", "index"):
        subprocess.run(["find", second.state / part, "-mindepth", "1",
                        "-delete"], check=True)
    since = len(second.log())
    second.start()
    wait_healed(second)
    second.wait_log("made a new index: this is the first start, or "
                    "state_dir was emptied", since)


def removed(path):
    shutil.rmtree(path)


def moved_away(path):
    path.rename(path.with_name("elsewhere"))


def replaced(path):
    """By what looks the same: a copy."""
    moved_away(path)
    subprocess.run(["cp", "-a", path.with_name("elsewhere"), path], check=True)


@pytest.mark.parametrize("what", [removed, moved_away, replaced])
def test_state_directory_goes_under_a_running_node(make_node, what):
    """Whatever is stored then nobody will find: said until it is restarted,
    or is there again."""
    gone = "was removed or replaced"
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    put_ok(node, Version("dir/1", b"one", SIGNER))
    assert gone not in call(node, "status")
    since = len(node.log())
    what(node.state)
    node.wait_log(f"error: {re.escape(str(node.state))} {gone} while dmd "
                  "runs, so no file is kept: restart dmd", since)
    assert f"{gone}: restart dmd" in call(node, "status", code=2)
    if what is moved_away:
        node.state.with_name("elsewhere").rename(node.state)
        eventually(lambda: node.ask("status_dmd").values().get(
            "state_gone", [0])[0] == 0)
        call(node, "status")
    else:
        node.stop()
        node.start()
        call(node, "status")
    if what is removed:
        put_ok(node, Version("dir/1", b"one", SIGNER))
    assert content(node, "dir/1") == b"one"
    assert len(lines(node, since, gone)) == 1


@pytest.mark.skipif(not IS_ROOT, reason="dmd sees later what it did not make")
@pytest.mark.parametrize("part", ["files", "index", "quarantine"])
def test_a_part_of_the_state_directory_goes(make_node, part):
    gone = "was removed or replaced"
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    put_ok(node, Version("dir/1", b"one", SIGNER))
    since = len(node.log())
    removed(node.state / part)
    node.wait_log(f"error: {re.escape(str(node.state))}/{part} {gone} while "
                  "dmd runs", since)
    assert f"{gone}: restart dmd" in call(node, "status", code=2)
    assert len(lines(node, since, gone)) == 1
    node.stop()
    node.start()
    call(node, "status")
    put_ok(node, Version("dir/2", b"two", SIGNER))


def set_version(path, version):
    """Of LMDB's format, in both of its first pages."""
    with open(path, "r+b") as f:
        for page in (0, 4096):
            f.seek(page + 16)
            assert f.read(4) == b"\xde\xc0\xef\xbe"
            f.write(version.to_bytes(4, "little"))


def test_index_from_the_future(pair):
    """Nothing is touched, and what is missing is a later version of us."""
    _, second = pair
    second.stop()
    set_version(data(second), 2)
    before = data(second).read_bytes()
    since = len(second.log())
    second.spawn()
    second.wait_log("the index was written by a later version of dm-store: "
                    "install that version again, or move index/ away", since)
    eventually(lambda: ask(second, "GET", "/files/dir/1").status == 503)
    assert ask(second, "GET", "/healthz").status == 503
    for name in NAMES:
        assert content(second, name) == text(name)
    assert data(second).read_bytes() == before
    assert quarantined(second) == []
    # what was meant by "install that version again"
    set_version(data(second), 1)
    second.wait_ready()
    wait_healed(second)
    assert quarantined(second) == []


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


def lines(node, since, pattern):
    return [line for line in node.log()[since:].splitlines()
            if re.search(pattern, line)]


@contextlib.contextmanager
def mode(path, bits):
    before = path.stat().st_mode & 0o7777
    path.chmod(bits)
    yield
    path.chmod(before)


def test_what_the_disk_refuses_is_in_the_log(make_node):
    """The operation, the file and why; once, however often it is tried."""
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    put_ok(node, Version("dir/0", b"0", SIGNER))
    since = len(node.log())
    with mode(node.state / "index/tmp", 0o500):
        for size in (1000, 200_000):
            for _ in range(10):
                answer = put(node, Version("dir/1", bytes(size), SIGNER))
                assert (answer.status, answer.code) == (500, "io-error")
    for doing in ("create a file in index/tmp/", "create index/tmp/put-1"):
        assert len(lines(node, since, rf"error: cannot {doing} for dir/1: "
                         "Permission denied$")) == 1
    with mode(node.state / "files/dir", 0o2550):
        for i in range(2, 12):
            answer = put(node, Version(f"dir/{i}", b"x", SIGNER))
            assert (answer.status, answer.code) == (500, "io-error")
    assert len(lines(node, since, "error: cannot place files/dir/2: Permission "
                     "denied: files/ and everything in it must belong to "
                     r"store_user.* \(tried again every second\)$")) == 1
    assert len(lines(node, since, "error: ")) == 3
    put_ok(node, Version("dir/1", b"1", SIGNER))
    for i in range(2, 12):
        eventually(lambda i=i: content(node, f"dir/{i}") == b"x")


@contextlib.contextmanager
def read_only(path):
    with mounted(path, "--bind", path):
        def remount(how):
            subprocess.run(["mount", "-o", f"remount,{how},bind", path],
                           check=True)
        yield remount


@needs_root
def test_read_only_file_system(make_node):
    node = make_node(files={"dir/*": [SIGNER.text]}).start()
    for name in NAMES:
        put_ok(node, Version(name, text(name), SIGNER))
    node.stop()
    with read_only(node.state) as remount:
        remount("ro")
        since = len(node.log())
        node.start()
        node.wait_log("on a read-only file system: its files are served",
                      since)
        for name in NAMES:
            assert content(node, name) == text(name)
        answer = put(node, Version("dir/new", b"new", SIGNER))
        assert answer.status in (500, 507), answer
        for _ in range(5):
            put(node, Version("dir/new", b"new", SIGNER))
        assert len(lines(node, since, "error: cannot create a file in index/tmp/ "
                         "for dir/new: Read-only file system$")) == 1
        assert len(lines(node, since, "cannot create the mark index/opening: ")) == 1
        assert "read-only file system" in call(node, "status", code=2)
        call(node, "fsck")
        since = len(node.log())
        remount("rw")
        node.wait_log("can be written again", since)
        eventually(lambda: put(node, Version(
            "dir/new", b"new", SIGNER)).status in (200, 201))
        assert content(node, NAMES[0]) == text(NAMES[0])
        node.stop()
