# SPDX-License-Identifier: ISC
"""`make nix-check`: dist/nix/module.nix in the module system of the real
nixpkgs, and dm.toml as NixOS makes it. DMD_NIXPKGS names a copy of nixpkgs, or
of its lib alone, if NIX_PATH has none."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/package/nix"
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build")).resolve()
SIGNER = "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk="

pytestmark = pytest.mark.skipif(not shutil.which("nix-instantiate"),
                                reason="nix is missing: nix-bin in Debian")


def nix(*arguments):
    return subprocess.run(["nix-instantiate", *arguments], text=True,
                          capture_output=True)


@functools.cache
def nixpkgs():
    """The directory whose lib/ is nixpkgs' lib, or a skip."""
    place = os.environ.get("DMD_NIXPKGS") or \
        nix("--find-file", "nixpkgs").stdout.strip()
    if not place or not (pathlib.Path(place) / "lib/default.nix").exists():
        pytest.skip("nixpkgs is missing: name a copy in DMD_NIXPKGS")
    return pathlib.Path(place).resolve()


def evaluate(file, **arguments):
    """What the function in `file` returns, made into JSON by itself."""
    given = ["--arg", "lib", f"import {nixpkgs()}/lib"]
    for name, value in arguments.items():
        kind = "--argstr" if isinstance(value, str) else "--arg"
        given += [kind, name, str(value)]
    run = nix("--eval", "--strict", HERE / file, *given)
    assert run.returncode == 0, run.stderr
    return json.loads(json.loads(run.stdout))


def machine(**services):
    return evaluate("machine.nix", module=ROOT / "dist/nix/module.nix",
                    given=json.dumps(services))


def json2toml():
    """remarshal's program, which NixOS makes TOML with."""
    path = f"{BUILD}/nix/bin:{os.environ['PATH']}"
    return shutil.which("json2toml", path=path) or \
        pytest.skip("json2toml is missing: remarshal from PyPI")


SETTINGS = [
    {},
    {"log_level": "debug", "cluster": {
        "port": 17946, "interface": "lo", "push_pull_interval": "10s",
        "bootstrap_peers": ["/dns/alpha.example/tcp/7946/p2p/12D3KooWD3bfmNb"
                            "uuuANAsGZWUF4L3TbQ6uApUvBVBHhBrc7VqTK"]},
     "http": {"port": 17331, "read": "all"}},
    {"files": {"config.json": [SIGNER], "zones/*": [SIGNER], "a:b": [SIGNER],
               "1_-.d.e": [SIGNER]}},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_dmd_takes_the_configuration(settings, tmp_path):
    """Of what a user writes in Nix, through JSON and remarshal, dmd reads
    each line."""
    got = machine(enable=True, settings=settings)["settings"]
    (tmp_path / "dm.json").write_text(got)
    toml = tmp_path / "dm.toml"
    subprocess.run([json2toml(), tmp_path / "dm.json", toml], check=True)
    told = subprocess.run([BUILD / "dmd", "-n", "-f", toml],
                          capture_output=True, text=True)
    assert f"{toml}: configuration OK" in told.stderr, told.stderr
    for name in settings.get("files", {}):
        assert json.loads(got)["files"][name] == [SIGNER]


def test_a_wrong_setting_does_not_get_through(tmp_path):
    got = machine(enable=True, settings={"cluster": {"prot": 1}})["settings"]
    (tmp_path / "dm.json").write_text(got)
    subprocess.run([json2toml(), tmp_path / "dm.json", tmp_path / "dm.toml"],
                   check=True)
    told = subprocess.run([BUILD / "dmd", "-n", "-f", tmp_path / "dm.toml"],
                          capture_output=True, text=True)
    assert told.returncode == 78 and "prot" in told.stderr


def test_nothing_is_there_before_it_is_enabled():
    got = machine()
    assert got == {"settings": None, "service": None, "ports": [],
                   "users": {}, "groups": [], "directories": []}


def test_users_of_the_configuration_exist():
    """dmd does not start when one is missing."""
    got = machine(enable=True)
    assert set(got["users"]) == {"_dmnet", "_dmstore", "_dmres"}
    assert set(got["groups"]) == {"data-mesher", "_dmnet", "_dmres"}
    settings = json.loads(got["settings"])
    assert settings["store_user"] == "_dmstore"
    assert settings["group"] == "data-mesher"


def test_the_original_s_user_owns_the_files():
    got = machine(enable=True, user="alice", group="staff",
                  pluginDirectories=["a/b"])
    assert json.loads(got["settings"])["store_user"] == "alice"
    assert "_dmstore" not in got["users"] and "staff" in got["groups"]
    assert got["directories"] == [
        "d /var/lib/data-mesher 0750 root staff -",
        "d /var/lib/data-mesher/files 2750 alice staff -",
        "d /var/lib/data-mesher/files/a 2750 alice staff -",
        "d /var/lib/data-mesher/files/a/b 2750 alice staff -"]


def test_ports():
    assert machine(enable=True)["ports"] == []
    got = machine(enable=True, openFirewall=True,
                  settings={"cluster": {"port": 946}})
    assert got["ports"] == [946, 7331]
    assert "CAP_NET_BIND_SERVICE" in got["service"]["CapabilityBoundingSet"]


def unit():
    """dist/systemd/dmd.service.in: setting -> values."""
    section = (ROOT / "dist/systemd/dmd.service.in").read_text() \
        .split("[Service]")[1].split("[Install]")[0]
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", section, re.M):
        found.setdefault(name, []).append(value)
    return found


#: of a list in Nix, NixOS makes as many lines; of systemd one line will do
LINES_OF_WORDS = ("CapabilityBoundingSet", "RestrictAddressFamilies")


def as_in_a_unit(name, value):
    values = value if isinstance(value, list) else [value]
    texts = [{"True": "yes", "False": "no"}.get(str(v), str(v))
             for v in values]
    return [" ".join(texts)] if name in LINES_OF_WORDS else texts


def test_the_service_is_the_unit_that_others_have():
    """The same confinement: a change of one is a change of the other."""
    service = machine(enable=True)["service"]
    have = {name: as_in_a_unit(name, value) for name, value in service.items()
            if value != []}
    want = unit()
    for name in ("ExecStart", "ExecReload"):
        have_program, want_program = (
            pathlib.Path(of.pop(name)[0].split()[0]).name
            for of in (have, want))
        assert have_program == want_program
    assert have == want


def test_state_that_lies_elsewhere_can_be_written():
    """The rest of the file system is read-only for the service."""
    got = machine(enable=True, settings={
        "state_dir": "/srv/mesh", "control_socket": "/run/mesh/control.sock"})
    assert got["service"]["ProtectSystem"] == "strict"
    assert got["service"]["ReadWritePaths"] == ["-/srv/mesh", "-/run/mesh"]


def test_the_flake_has_packages_for_each_system():
    got = evaluate("flake.nix", flake=ROOT / "flake.nix")
    for system in ("x86_64-linux", "aarch64-linux"):
        assert got["packages"][system] == ["data-mesher", "default"]
        assert got["checks"][system] == ["module", "package"]
    assert set(got["modules"]) == {"data-mesher", "default"}
