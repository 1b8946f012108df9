# SPDX-License-Identifier: ISC
"""What the shells offer behind dmctl."""
import os
import pathlib
import re
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
    assert bash("wait", "--sh") == {"--sha256"}
    assert bash("verify", "--bundle", key) == {key + ".priv"}
    assert bash("verify", "-s", "/nonexistent", key) == set()


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
def test_fish():
    assert {"upload", "list", "status", "file"} <= fish("dmctl ")
    assert fish("dmctl file ") == {"update", "delete"}
    assert "--key" in fish("dmctl upload --k")
    assert "--sha256" in fish("dmctl wait --sh")
    assert fish("dmctl log d") == {"debug"}


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
def test_zsh(tmp_path):
    """What the function hands to the shell's own."""
    (tmp_path / "dump.zsh").write_text("""
        _files() { print -l files }
        _message() { print -l value }
        _describe() { print -l -- ${${(P)2}%%:*} }
        compadd() { [[ $1 == -a ]] && print -l -- ${(P)2} || print -l -- "$@" }
        words=("${@[2,-1]}"); CURRENT=$#words
        source $1 || true
    """)

    def zsh(*words):
        out = subprocess.run(
            ["zsh", "-f", tmp_path / "dump.zsh",
             ROOT / "dist/completions/_dmctl", BUILD / "dmctl", *words],
            capture_output=True, text=True, check=True)
        assert out.stderr == ""
        return set(out.stdout.split())
    assert {"upload", "list", "wait", "file", "generate"} <= zsh("")
    assert zsh("file", "") == {"update", "delete"}
    assert {"--sha256", "--timeout"} <= zsh("wait", "--")
    assert zsh("wait", "--sha256", "") == {"value"}
    assert zsh("upload", "--key", "") == {"files"}
    assert zsh("log", "") == {"fatal", "error", "warn", "info", "debug"}
    assert zsh("verify", "-b", "") == {"files"}
    assert zsh("show", "-s", "/nonexistent", "") == set()


COMPLETIONS = [ROOT / "dist/completions" / n
               for n in ("_dmctl", "dmctl.bash", "dmctl.fish")]


@pytest.mark.parametrize("path", COMPLETIONS, ids=lambda p: p.name)
def test_they_know_what_dmctl_takes(path):
    """Options that take a value, and commands that take a file's name."""
    text = path.read_text()
    rows = (ROOT / "dmctl/args.c").read_text()
    values = set(re.findall(r'^(?:TEXT|DURATION)\(\w+, [^,]+, "([\w-]+)"',
                            rows, re.M))
    assert {"key", "timeout", "version"} <= values
    for name in values:
        assert re.search(rf"--{name}\b", text), name
    commands = re.findall(r'^{ "([^"]+)", "([^"]*)"',
                          (ROOT / "dmctl/main.c").read_text(), re.M)
    known = {c for words, _ in commands for c in words.split()}
    for words, operand in commands:
        if operand.startswith(("NAME", "FILE", "PATH", "[PREFIX")):
            assert re.search(rf"\b{words}\b", text), words
    # of the lists of commands, none that dmctl has not
    for case in re.findall(r"\bshow\b[^\n]*(?:\\\n[^\n]*)?", text):
        for word in re.findall(r"[a-z]+", case):
            assert word in known, word
