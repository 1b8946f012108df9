# SPDX-License-Identifier: ISC
"""A release: the same bytes wherever it is made, and one version in it."""
import hashlib
import json
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


def bill_of(tarball):
    return tarball.with_name(f"dmd-{VERSION}.cdx.json")


def libraries():
    """pkg-config's name -> (lowest version tested, why) of ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    text = text.split("\n## Libraries\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| ([\d.]+) \| (\S+) \| (.+?) \|$",
                      text, re.M)
    return {module: (lowest, why) for _, modules, lowest, _, why in rows
            for module in modules.split(", ")}


def assert_bill(bill, tarball):
    """Whoever reads it learns what was released, and each library."""
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    own = bill["metadata"]["component"]
    assert (own["name"], own["version"]) == ("dmd", VERSION)
    assert own["hashes"] == [{
        "alg": "SHA-256",
        "content": hashlib.sha256(tarball.read_bytes()).hexdigest()}]
    told = {}
    for part in bill["components"]:
        facts = {p["name"]: p["value"] for p in part["properties"]}
        for module in facts["dmd:pkg-config"].split(", "):
            told[module] = (facts["dmd:lowest-version-tested"],
                            part["description"])
    assert told == libraries()


def number(version):
    return [int(part) for part in version.split(".")]


def test_every_library_has_its_reason_and_its_lowest_version():
    """What configure looks for stands in ARCHITECTURE.md, tested in a version
    that configure takes; and nothing else stands there."""
    text = (ROOT / "configure.ac").read_text()
    asked = dict(re.findall(r"^DMD_PKG\(\[\w+\], \[([\w-]+)\], \[([\d.]+)\]",
                            text, re.M))
    assert len(asked) >= 8, asked
    others = set(re.findall(r"\$PKG_CONFIG --exists ([\w-]+)", text))
    # the other name of msgpack-c, in older releases
    assert set(libraries()) == set(asked) | others - {"msgpack"}
    for module, lowest in asked.items():
        assert number(libraries()[module][0]) >= number(lowest), module


@in_clone
def test_a_release_is_the_same_bytes_everywhere(tmp_path):
    one = make_dist(tmp_path / "one")
    two = make_dist(tmp_path / "another-place", umask="077", zone="Asia/Tokyo",
                    tar_umask="0077", core_umask="0077")
    assert hashlib.sha256(one.read_bytes()).hexdigest() == \
        hashlib.sha256(two.read_bytes()).hexdigest()
    assert bill_of(one).read_bytes() == bill_of(two).read_bytes()
    assert_bill(json.loads(bill_of(one).read_text()), one)


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


DAEMON = {"OpenSSL", "msgpack-c", "libevent", "libseccomp"}
LIBRARIES = {"dmctl": {"OpenSSL", "msgpack-c"}, "dmd": DAEMON,
             "dm-net": DAEMON | {"nghttp2", "protobuf-c"},
             "dm-store": DAEMON}


def first_number(command):
    told = subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout
    return re.search(r"\d+\.\d+[\w.-]*", told)[0]


@pytest.mark.parametrize("program", LIBRARIES)
def test_programs_say_the_version(program):
    """Their own first, then of the libraries that run in them."""
    out = subprocess.run([BUILD / program, "--version"], check=True,
                         capture_output=True, text=True).stdout.splitlines()
    assert out[0] == f"{program} {VERSION}"
    told = dict(line.split(" ") for line in out[1:])
    assert set(told) == LIBRARIES[program]
    for name, module in (("OpenSSL", "libcrypto"), ("libevent", "libevent"),
                         ("nghttp2", "libnghttp2"),
                         ("libseccomp", "libseccomp"),
                         ("protobuf-c", "libprotobuf-c")):
        if name in told:
            assert told[name] == first_number(
                ["pkg-config", "--modversion", module]), name


def test_the_packages_for_debian_have_the_version():
    newest = (ROOT / "debian/changelog").read_text().split("\n", 1)[0]
    assert newest.startswith(f"dmd ({VERSION}) ")


def test_the_newest_changes_are_of_this_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(),
                       re.MULTILINE)
    assert newest and newest[1] == VERSION


@pytest.mark.parametrize("recipe, version", [
    ("dist/rpm/dmd.spec", r"^Version: +(\S+)$"),
    ("dist/rpm/dmd.spec", r"^%changelog\n.* - (\S+)-1$"),
    ("dist/alpine/APKBUILD", r"^pkgver=(\S+)$"),
    ("dist/arch/PKGBUILD", r"^pkgver=(\S+)$")])
def test_the_recipes_of_other_packages_have_the_version(recipe, version):
    assert re.search(version, (ROOT / recipe).read_text(),
                     re.M)[1] == VERSION
