# SPDX-License-Identifier: ISC
"""`make dist-check`: what other systems make packages of, as far as it can be
run here. DMD_RELEASE names the tarball of `make dist`."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
#: what is installed under /usr on every system, but for its documentation
PROGRAMS = {"usr/libexec/dmd/dm-net", "usr/libexec/dmd/dm-store",
            "usr/bin/dmctl", "usr/bin/data-mesher", "usr/sbin/dmd"}


def needs(tool):
    return pytest.mark.skipif(not shutil.which(tool),
                              reason=f"{tool} is missing")


def run(*command, **options):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def release():
    path = os.environ.get("DMD_RELEASE")
    if not path:
        pytest.skip("DMD_RELEASE names no release: make dist-check does")
    return pathlib.Path(path)


def files_below(place):
    return {str(p.relative_to(place)) for p in place.rglob("*")
            if not p.is_dir() or p.is_symlink()}


# --- text ------------------------------------------------------------------

SHELL = {  # shell: what the other side of it defines or uses
    "dist/oci/build.sh": [], "dist/deb/build.sh": [],
    "tests/package/deb.sh": [], "tests/package/deb_life.sh": [],
    "tests/package/openrc.sh": [], "tests/package/openrc_life.sh": [],
    "tests/package/recipe.sh": ["-s", "sh", "-e", "SC2034,SC2154"],
    "dist/alpine/dmd.pre-install": [],
    "dist/alpine/APKBUILD": ["-s", "sh", "-e", "SC2034,SC2154,SC2164"],
    "dist/arch/PKGBUILD": ["-s", "bash", "-e", "SC2034,SC2154,SC2164"],
    # OpenRC's sh has local
    "dist/openrc/dmd.initd": ["-s", "sh", "-e", "SC2034,SC3043"],
    "dist/openrc/dmd.confd": ["-s", "sh", "-e", "SC2034"],
}


@needs("shellcheck")
@pytest.mark.parametrize("script", SHELL)
def test_scripts_are_sound(script):
    run("shellcheck", "-S", "warning", *SHELL[script], ROOT / script)


def test_alpine_makes_the_users_that_systemd_makes():
    made = (ROOT / "dist/alpine/dmd.pre-install").read_text()
    recipe = (ROOT / "dist/alpine/APKBUILD").read_text()
    for kind, name in re.findall(r"^([gu]) (\S+)", (
            ROOT / "dist/systemd/dmd.sysusers").read_text(), re.M):
        assert re.search(rf"\b{name}\b", made), name
        assert name in re.search(rf'^pkg{"group" if kind == "g" else "user"}s='
                                 r'"(.*)"', recipe, re.M)[1].split()


# --- RPM --------------------------------------------------------------------

#: systemd-rpm-macros, which Fedora has
MACROS = {"_unitdir": "/usr/lib/systemd/system",
          "_sysusersdir": "/usr/lib/sysusers.d",
          "_tmpfilesdir": "/usr/lib/tmpfiles.d",
          "systemd_post()": ":", "systemd_preun()": ":",
          "systemd_postun_with_restart()": ":"}


@pytest.fixture(scope="module")
def rpms(release, tmp_path_factory):
    top = tmp_path_factory.mktemp("rpm")
    (top / "SOURCES").mkdir()
    shutil.copy(release, top / "SOURCES")
    defines = [f"--define={name} {value}" for name, value in
               {**MACROS, "_topdir": top}.items()]
    run("rpmbuild", "-ba", "--nodeps", "--nocheck", *defines,
        ROOT / "dist/rpm/dmd.spec")
    return sorted(top.glob("RPMS/*/*.rpm"))


@needs("rpmbuild")
def test_rpm_packages_have_all_files_and_run(rpms, tmp_path):
    """rpmbuild itself refuses files that are in no package."""
    assert [p.name.split("-")[0] for p in rpms] == ["dmctl", "dmd"]
    run("rpm", f"--root={tmp_path}", "--nodeps", "--noscripts", "-i", *rpms)
    assert PROGRAMS <= files_below(tmp_path)
    for program in ("sbin/dmd", "bin/dmctl"):
        assert VERSION in run(tmp_path / "usr" / program, "--version")
    unit = (tmp_path / "usr/lib/systemd/system/dmd.service").read_text()
    assert "ExecStart=/usr/sbin/dmd -d -f /etc/data-mesher/dm.toml" in unit
    listed = run("rpm", "-qp", "--configfiles", *rpms)
    assert "/etc/data-mesher/dm.toml" in listed


@needs("rpmbuild")
@needs("rpmlint")
def test_rpmlint_finds_nothing(rpms):
    told = run("rpmlint", "--strict", "--ignore-unused-rpmlintrc", "-r",
               ROOT / "dist/rpm/dmd.rpmlintrc", ROOT / "dist/rpm/dmd.spec",
               *rpms)
    assert "0 errors, 0 warnings" in told, told


# --- Alpine and Arch: the functions of their recipes ----------------------------

def build(recipe, release, place):
    """Returns what the recipe's package() installed, and in which package."""
    source, root = place / "src", place / "root"
    source.mkdir()
    run("tar", "-xzf", release, "-C", source)
    for name in ("initd", "confd"):
        shutil.copy(ROOT / f"dist/openrc/dmd.{name}", source)
    shell = "bash" if recipe.endswith("PKGBUILD") else "sh"
    run(shell, ROOT / "tests/package/recipe.sh", ROOT / recipe,
        source / f"dmd-{VERSION}", root, source,
        env={**os.environ, "MAKEFLAGS": "-j2", "PWD": str(source)})
    return root


def test_alpine_s_recipe_installs_the_programs(release, tmp_path):
    root = build("dist/alpine/APKBUILD", release, tmp_path)
    dmctl = files_below(tmp_path / "root.dmctl")
    assert dmctl == {"usr/bin/dmctl", "usr/bin/data-mesher"}
    rest = files_below(root)
    assert PROGRAMS == dmctl | {f for f in rest if re.match(
        r"usr/(s?bin|libexec)/", f)}
    assert {"etc/init.d/dmd", "etc/conf.d/dmd",
            "etc/data-mesher/dm.toml"} <= rest
    assert not [f for f in rest if "systemd" in f or "completions" in f or
                f.startswith(("usr/lib/", "usr/share/zsh"))]
    assert VERSION in run(root / "usr/sbin/dmd", "--version")


@needs("bash")
def test_arch_s_recipe_installs_the_programs(release, tmp_path):
    files = files_below(build("dist/arch/PKGBUILD", release, tmp_path))
    assert {"usr/bin/dmd", "usr/bin/dmctl", "usr/bin/data-mesher",
            "usr/lib/dmd/dm-net", "usr/lib/dmd/dm-store",
            "usr/lib/systemd/system/dmd.service",
            "usr/lib/sysusers.d/dmd.conf", "etc/data-mesher/dm.toml",
            "usr/share/licenses/dmd/LICENSE"} <= files
    assert not [f for f in files if f.startswith(("usr/sbin", "usr/libexec",
                                                  "usr/local"))]


# --- OpenRC ----------------------------------------------------------------------

@needs("mmdebstrap")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a chroot")
def test_openrc_starts_and_stops_it():
    suite = os.environ.get("SUITE", "bookworm")
    packages = ROOT / f"build/deb/{suite}"
    if not list(packages.glob("dmd_*.deb")):
        pytest.skip(f"no packages in {packages}: make deb")
    told = run("sh", ROOT / "tests/package/openrc.sh", suite, packages)
    assert "openrc: all is well" in told
