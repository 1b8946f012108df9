# SPDX-License-Identifier: ISC
"""State that was restored or copied, with owners and modes that are wrong: all
of it is said at once, by name and with the commands; dmd --repair sets right
what is dmd's own, and touches nothing else."""

import os
import pwd
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, GROUP, IS_ROOT, PATIENCE, USERS
from mesh import content, put_ok
from versions import Signer, Version

SIGNER = Signer()
STORE = USERS[1]
needs_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")


def dmd(node, *arguments, **options):
    return subprocess.run(
        [BUILD / "dmd", *arguments, "-f", node.toml], text=True,
        capture_output=True, timeout=PATIENCE, **options)


def owners(path):
    """{path: (owner, group, mode)} of all below."""
    found = {}
    for top, dirs, names in os.walk(path):
        for name in [".", *dirs, *names]:
            st = os.lstat(os.path.join(top, name))
            found[os.path.normpath(os.path.join(top, name))] = (
                st.st_uid, st.st_gid, st.st_mode)
    return found


def errors(text):
    return [line.split("error: ", 1)[1] for line in text.splitlines()
            if "error: " in line]


def plain(text):
    return [line.removeprefix("dmd: ") for line in text.splitlines()]


@pytest.fixture
def used(make_node):
    """A node that has content, a deletion and old versions, stopped."""
    node = make_node(files={"a/*": [SIGNER.text]})
    node.start()
    for i in range(5):
        put_ok(node, Version(f"a/{i}", f"first {i}".encode(), SIGNER))
        put_ok(node, Version(f"a/{i}", f"second {i}".encode(), SIGNER))
    assert node.stop() == 0
    node.right = owners(node.state)
    return node


def serves(node):
    node.start()
    for i in range(5):
        assert content(node, f"a/{i}") == f"second {i}".encode()
    put_ok(node, Version("a/new", b"new", SIGNER))
    assert content(node, "a/new") == b"new"


def spoil(node, user="nobody"):
    """As a copy by somebody else, with modes of his."""
    entry = pwd.getpwnam(user)
    for path in owners(node.state):
        os.chown(path, entry.pw_uid, entry.pw_gid)
        os.chmod(path, 0o777 if os.path.isdir(path) else 0o666)


def failed_start(node):
    since = len(node.log())
    node.spawn()
    assert node.wait_exit() == 77, node.log()
    return errors(node.log()[since:])


@needs_root
def test_all_is_said_at_once_and_the_commands_are_right(used):
    spoil(used)
    lines = failed_start(used)
    text = "\n".join(lines)
    for name in ("", "/lock", "/identity.key", "/files", "/index",
                 "/index/old", "/index/tmp", "/quarantine"):
        path = re.escape(f"{used.state}{name}")
        assert re.search(rf"^{path} belongs to nobody:\w+: chown ", text, re.M)
        assert re.search(rf"^{path} has mode 0[67]{{3}}: chmod ", text, re.M)
    assert f"chown {STORE}:{GROUP} {used.state}/files" in text
    assert f"chown root {used.state}/identity.key" in text
    assert re.search(r"files in \S+/files do not belong to", text)
    assert "65534" not in text, "names, not numbers"
    assert re.search("warn: dmd --repair, with the same -f,", used.log())
    for line in lines:
        command = re.search(r": (ch(?:own|mod) [^,]*?(?:,[^ ]+ [^,]*)?)"
                            r"(?:, or name .*)?$", line).group(1)
        subprocess.run(command, shell=True, check=True)
    serves(used)


@needs_root
def test_check_says_the_same_and_changes_nothing(used):
    assert dmd(used, "-n").returncode == 0
    spoil(used)
    before = owners(used.state)
    out = dmd(used, "-n")
    assert out.returncode == 77
    assert "configuration OK" in out.stderr
    assert owners(used.state) == before
    assert errors(used.log()) == []
    told = [line for line in plain(out.stderr)
            if "configuration" not in line and "--repair" not in line]
    assert len(told) > 15
    assert [line.removeprefix("error: ") for line in told] == failed_start(used)


@needs_root
def test_repair_sets_right_what_is_its_own(used):
    spoil(used)
    foreign = used.state / "notes.txt"
    foreign.write_text("of the administrator")
    os.chown(foreign, 12345, 12345)
    out = dmd(used, "--repair")
    assert out.returncode == 0, out.stderr
    assert foreign.stat().st_uid == 12345
    now = owners(used.state)
    del now[str(foreign)]
    for path, (uid, gid, _) in used.right.items():
        assert now[path][0] == uid, path
        # any group will do for what only root reads
        assert now[path][1] == gid or path.endswith(("key", "lock")), path
    assert dmd(used, "-n").returncode == 0
    assert dmd(used, "--repair").returncode == 0, "twice is no error"
    serves(used)


@needs_root
def test_repair_follows_no_link(used, tmp_path):
    spoil(used)
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("by-link", "by-name"):
        (outside / name).write_text("not ours")
    os.chown(outside, 12345, 12345)
    (used.state / "files/a/link").symlink_to(outside / "by-link")
    (used.state / "files/tree").symlink_to(outside)
    os.link(outside / "by-name", used.state / "files/a/name")
    shutil.rmtree(used.state / "quarantine")
    (used.state / "quarantine").symlink_to(outside)
    os.mkfifo(used.state / "files/a/pipe")
    before = owners(outside)
    out = dmd(used, "--repair")
    assert out.returncode == 77
    assert owners(outside) == before
    for name in ("files/a/link", "files/tree", "files/a/name", "quarantine",
                 "files/a/pipe"):
        assert f"{used.state}/{name} is left as it is" in out.stderr, name
    assert "hard links" in out.stderr
    # all else is right
    for path in (used.state, used.state / "files/a/1", used.state / "index"):
        assert os.stat(path).st_uid == used.right[str(path)][0]


@needs_root
def test_repair_leaves_a_running_dmd_alone(used):
    used.start()
    before = owners(used.state)
    os.chmod(used.state / "files/a/1", 0o666)
    out = dmd(used, "--repair")
    assert out.returncode == 75 and "another dmd" in out.stderr
    assert os.stat(used.state / "files/a/1").st_mode & 0o777 == 0o666
    assert owners(used.state).keys() == before.keys()


def test_repair_is_for_root(used):
    options = {"user": 65534, "group": 65534, "extra_groups": []}
    out = dmd(used, "--repair", **options if IS_ROOT else {})
    assert out.returncode == 77 and "root" in out.stderr


@needs_root
def test_one_wrong_file_stops_no_start(used):
    path = used.state / "files/a/1"
    os.chown(path, 12345, 12345)
    out = dmd(used, "-n")
    assert out.returncode == 77
    assert f"1 files in {used.state}/files" in out.stderr
    assert f"{path} of 12345:12345" in out.stderr, "who has no name"
    used.start()
    assert content(used, "a/2") == b"second 2"


@needs_root
def test_nothing_there_is_nothing_wrong(make_node):
    node = make_node()
    node.write_config()
    assert dmd(node, "-n").returncode == 0
    assert not node.state.exists()
    assert dmd(node, "--repair").returncode == 66
    node.state.mkdir()
    assert dmd(node, "-n").returncode == 0, "an empty one is adopted"
    node.start()
