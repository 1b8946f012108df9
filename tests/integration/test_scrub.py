# SPDX-License-Identifier: ISC
"""Files that are not what was signed: noticed, put aside and healed."""
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import BUILD, IS_ROOT, eventually
from mesh import ask, put_ok, wait_content
from versions import Signer, Version

SIGNER = Signer()


def call(node, *arguments, code=0, **kwargs):
    result = subprocess.run(
        [BUILD / "dmctl", "-s", node.socket, *map(str, arguments)],
        capture_output=True, timeout=90, **kwargs)
    assert result.returncode == code, (
        arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout.decode()


def status(node, key):
    return node.ask("status_store").values().get(key, [None])[0]


def quarantined(node):
    return sorted((node.state / "quarantine").iterdir())


@pytest.fixture
def alone(make_node):
    node = make_node(files={n: [SIGNER.text] for n in (
        "a", "big", "dir/*", "deep/er/*")}).start()
    for name, content in (("a", b"first"), ("big", b"b" * 300000),
                          ("dir/x", b"in a directory"),
                          ("deep/er/y", b"deeper")):
        put_ok(node, Version(name, content, SIGNER))
    return node


@pytest.fixture
def pair(mesh):
    """Two nodes with the same files."""
    mesh.files = {"a": [SIGNER.text], "dir/*": [SIGNER.text]}
    first, second = mesh.add(), mesh.add()
    mesh.wait_connected()
    for name, content in (("a", b"first"), ("dir/x", b"in a directory")):
        put_ok(first, Version(name, content, SIGNER))
        wait_content([second], name, content)
    return first, second


def test_nothing_is_wrong(alone):
    """Our own work is not taken for somebody else's."""
    for i in range(50):
        put_ok(alone, Version("a", b"%d" % i, SIGNER))
        put_ok(alone, Version(f"dir/{i}", b"x", SIGNER))
        put_ok(alone, Version("dir/gone", b"x", SIGNER))
        put_ok(alone, Version("dir/gone", None, SIGNER))
    time.sleep(2)  # nothing to wait for: nothing must happen
    assert call(alone, "fsck").endswith("all match their signed hashes\n")
    assert status(alone, "damaged") == 0
    assert quarantined(alone) == []
    assert status(alone, "scrub_ended") > time.time_ns() - 60 * 10**9
    assert "not what" not in alone.log()


def holds(path, content):
    try:
        return not path.is_symlink() and path.read_bytes() == content
    except FileNotFoundError:
        return False


def overwrite(path):
    path.write_bytes(b"other")


def truncate(path):
    os.truncate(path, 1)


def rename_over(path):
    new = path.with_name(".editor")
    new.write_bytes(b"other")
    os.rename(new, path)


def remove(path):
    path.unlink()


def replace_by_link(path):
    path.unlink()
    path.symlink_to("/etc/passwd")


def same_size(path):
    path.write_bytes(b"x" * path.stat().st_size)


@pytest.mark.parametrize("edit", [
    overwrite, truncate, rename_over, remove, replace_by_link, same_size])
@pytest.mark.parametrize("name", ["a", "dir/x"])
def test_edits_are_noticed_and_healed(pair, edit, name):
    first, second = pair
    content = b"first" if name == "a" else b"in a directory"
    path = second.state / "files" / name
    edit(path)
    eventually(lambda: holds(path, content))
    assert status(second, "damaged") == 1
    assert status(second, "wanted") == 0
    assert len(quarantined(second)) == (
        0 if edit in (remove, replace_by_link) else 1)
    assert re.search(rf"files/{name} is ", second.log())


def test_strangers_leave(alone):
    files = alone.state / "files"
    (files / "notes").write_bytes(b"who put this here?")
    (files / "dir" / "z").write_bytes(b"configured, but nobody signed it")
    (files / ".hidden").write_bytes(b"an editor's")
    eventually(lambda: len(quarantined(alone)) == 2)
    assert not (files / "notes").exists()
    assert not (files / "dir" / "z").exists()
    assert (files / ".hidden").exists()
    assert (files / "dir" / "x").read_bytes() == b"in a directory"


def test_a_directory_is_moved_away(pair):
    _, second = pair
    files = second.state / "files"
    os.rename(files / "dir", second.base / "elsewhere")
    wait_content([second], "dir/x", b"in a directory")
    # the new one is watched
    eventually(lambda: holds(files / "dir/x", b"in a directory"))
    (files / "dir/x").write_bytes(b"again")
    eventually(lambda: holds(files / "dir/x", b"in a directory"))


def test_fsck_finds_what_happened_behind_its_back(mesh):
    """While the daemon was down: same size, so only the hash tells."""
    mesh.files = {"a": [SIGNER.text], "dir/*": [SIGNER.text]}
    first, second = mesh.add(), mesh.add()
    mesh.wait_connected()
    for i in range(30):
        put_ok(first, Version(f"dir/{i}", b"%04d" % i, SIGNER))
    for i in range(30):
        wait_content([second], f"dir/{i}", b"%04d" % i)
    second.stop()
    for i in range(5):
        (second.state / f"files/dir/{i}").write_bytes(b"rot!")
    (second.state / "files/dir/5").unlink()
    second.start()
    answer = json.loads(call(second, "fsck", "--json", code=65))
    assert answer["ok"] is False and answer["damaged"] in (5, 6)
    assert answer["files"] >= 29
    for i in range(30):
        wait_content([second], f"dir/{i}", b"%04d" % i)
    eventually(lambda: status(second, "wanted") == 0)
    assert json.loads(call(second, "fsck", "--json"))["damaged"] == 0
    assert len(quarantined(second)) == 5


def metrics(node):
    """Name, and name{labels}, to value; every family has a line of help and
    a type."""
    lines = ask(node, "GET", "/metrics").body.decode().splitlines()
    values, helped, typed = {}, set(), set()
    for line in lines:
        if line.startswith("# HELP "):
            helped.add(line.split()[2])
            assert len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            typed.add(line.split()[2])
        else:
            name = re.match(r"[a-z0-9_]+", line)[0]
            assert name in helped and name in typed, line
            values[name] = values[line.split()[0]] = float(line.split()[-1])
    return values


def test_metrics_count_damage(pair):
    first, second = pair
    before = metrics(second)
    assert [before[f"dm_{k}_total"] for k in (
        "damaged", "quarantined", "healed")] == [0, 0, 0]
    (second.state / "files/a").write_bytes(b"other")
    eventually(lambda: holds(second.state / "files/a", b"first"))
    eventually(lambda: metrics(second)["dm_healed_total"] == 1)
    after = metrics(second)
    assert after["dm_damaged_total"] == after["dm_quarantined_total"] == 1
    assert after["dm_files_wanted"] == 0
    assert status(second, "healed") == status(second, "quarantined") == 1


def test_fsck_reads_older_versions(alone):
    old = alone.state / "index/old"
    for i in range(4):
        put_ok(alone, Version("a", b"version %d" % i, SIGNER))
    files = sorted(old.iterdir())
    assert len(files) == 4
    call(alone, "fsck")
    files[0].write_bytes(b"x" * files[0].stat().st_size)
    stray = old / ("0" * 64)
    stray.write_bytes(b"nobody's")
    since = len(alone.log())
    call(alone, "fsck", code=65)
    alone.wait_log("an older version of a does not match its signed hash", since)
    assert sorted(old.iterdir()) == files[1:]
    assert len(quarantined(alone)) == 1
    call(alone, "fsck")


def test_fsck_is_for_root(alone):
    if not IS_ROOT:
        pytest.skip("needs another user")
    command = [BUILD / "dmctl", "-s", alone.socket, "fsck"]
    place = alone.base / "dmctl"
    shutil.copy(BUILD / "dmctl", place)
    place.chmod(0o755)
    command[0] = place
    result = subprocess.run(command, capture_output=True, user="nobody",
                            group="data-mesher", extra_groups=[])
    assert result.returncode == 77, result
