# SPDX-License-Identifier: ISC
"""A release: the same bytes wherever it is made, and one version in it."""
import hashlib
import os
import pathlib
import re
import subprocess
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
VERSION = (ROOT / "VERSION").read_text().strip()

in_clone = pytest.mark.skipif(not (ROOT / ".git").exists(),
                              reason="not a clone")


def make_dist(clone, umask="022", zone="UTC", **settings):
    """Clone what is committed to `clone` and make a release there, as
    somebody does who has just cloned; returns the tarball."""
    subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
    for key, value in settings.items():
        subprocess.run(["git", "-C", clone, "config", key.replace("_", "."),
                        value], check=True)
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("MAKE") and k != "SOURCE_DATE_EPOCH"}
    subprocess.run(["sh", "-c", f"umask {umask} && make dist"], cwd=clone,
                   env={**env, "TZ": zone}, check=True, capture_output=True)
    tarball = clone / f"dmd-{VERSION}.tar.gz"
    assert tarball.exists(), sorted(clone.glob("*.tar*"))
    return tarball


@in_clone
def test_a_release_is_the_same_bytes_everywhere(tmp_path):
    one = make_dist(tmp_path / "one")
    two = make_dist(tmp_path / "another-place", umask="077", zone="Asia/Tokyo",
                    tar_umask="0077", core_umask="0077")
    assert hashlib.sha256(one.read_bytes()).hexdigest() == \
        hashlib.sha256(two.read_bytes()).hexdigest()


@in_clone
def test_a_release_names_nobody(tmp_path):
    with tarfile.open(make_dist(tmp_path / "clone")) as tar:
        members = tar.getmembers()
    assert members == sorted(members, key=lambda m: m.name)
    assert {m.name.split("/")[0] for m in members} == {f"dmd-{VERSION}"}
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} == \
        {(0, 0, "", "")}
    assert len({m.mtime for m in members}) == 1
    assert {m.mode for m in members if not m.issym()} <= {0o644, 0o755}


@pytest.mark.parametrize("program", ["dmd", "dmctl"])
def test_programs_say_the_version(program):
    out = subprocess.run([BUILD / program, "--version"], check=True,
                         capture_output=True, text=True).stdout
    assert out.strip() == f"{program} {VERSION}"


def test_the_packages_for_debian_have_the_version():
    newest = (ROOT / "debian/changelog").read_text().split("\n", 1)[0]
    assert newest.startswith(f"dmd ({VERSION}) ")


def test_the_newest_changes_are_of_this_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(),
                       re.MULTILINE)
    assert newest and newest[1] == VERSION
