# SPDX-License-Identifier: ISC
"""What the shells offer behind dmctl."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
BASH = """
compopt() { :; }
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_dmctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


def bash(*words):
    out = subprocess.run(
        ["bash", "-c", BASH, "bash", ROOT / "dist/completions/dmctl.bash",
         BUILD / "dmctl", *words], capture_output=True, text=True, check=True)
    assert out.stderr == ""
    return set(out.stdout.split())


def fish(line):
    path = f"{BUILD.resolve()}:{os.environ['PATH']}"
    out = subprocess.run(
        ["fish", "-c", f"source {ROOT}/dist/completions/dmctl.fish; "
                       f"complete -C '{line}'"],
        capture_output=True, text=True, check=True,
        env={"PATH": path, "HOME": "/nonexistent", "TERM": "dumb"})
    return {row.split("\t")[0] for row in out.stdout.splitlines()}


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash(tmp_path):
    assert {"upload", "list", "status", "file", "generate"} <= bash("")
    assert bash("up") == {"upload"}
    assert bash("file", "") == {"update", "delete"}
    assert bash("generate", "k") == {"keypair"}
    assert bash("upload", "--key") == {"--key", "--key-path"}
    assert bash("-s", "/nonexistent", "id", "--r") == {"--rotate"}
    assert bash("log", "d") == {"debug"}
    (tmp_path / "key.priv").touch()
    key = str(tmp_path / "key")
    assert bash("upload", "--key", key) == {key + ".priv"}
    assert bash("show", "-s", "/nonexistent", "") == set()


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish():
    assert {"upload", "list", "status", "file"} <= fish("dmctl ")
    assert fish("dmctl file ") == {"update", "delete"}
    assert "--key" in fish("dmctl upload --k")
    assert fish("dmctl log d") == {"debug"}
