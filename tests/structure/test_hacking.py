# SPDX-License-Identifier: ISC
"""HACKING.md names only what is there: targets of make, files, variables."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "HACKING.md").read_text()
MAKEFILES = (ROOT / "Makefile").read_text() + \
    (ROOT / "tests/tests.mk").read_text()


def targets():
    found = set()
    for line in re.findall(r"^([a-z][a-z -]*):", MAKEFILES, re.M):
        found |= set(line.split())
    return found


def words_of_make():
    """What stands behind `make` in code, without variables and options."""
    code = "\n".join(re.findall(r"`([^`]+)`", TEXT) +
                     re.findall(r"^    (.*)$", TEXT, re.M))
    for call in re.findall(r"\bmake ((?:[\w./'=,+-]+(?: |$))+)", code, re.M):
        for word in re.sub(r"'[^']*'", "", call).split():
            if not word.startswith("-"):
                yield word


def test_targets_and_variables_of_make_exist():
    words = set(words_of_make())
    assert {"check", "sim", "structure"} <= words, words
    for word in words:
        if "=" in word:
            variable = word.split("=")[0]
            assert re.search(rf"\b{variable}\b", MAKEFILES) or \
                variable == "CPPFLAGS", word
        elif "/" not in word:
            assert word in targets(), word


def test_files_exist():
    for path in set(re.findall(r"\b(?:build/)?((?:tests|common|dmd|dm-net|"
                               r"dm-store|dmctl)/[\w./-]*\w)", TEXT)):
        if "NAME" in path:
            continue
        built = [ROOT / f"{path}.c", ROOT / path / "main.c",
                 (ROOT / path).parent / "main.c"]
        assert (ROOT / path).exists() or any(p.exists() for p in built), path


def test_scenarios_and_functions_exist():
    scenario = re.search(r"crash -l \d+ -n (\S+) -p (\S+)", TEXT)
    text = (ROOT / "tests/crash/scenario.c").read_text()
    assert f'"{scenario.group(1)}"' in text
    assert f'"{scenario.group(2)}"' in (ROOT /
                                        "tests/crash/main.c").read_text()
    function = re.search(r"'break (\w+)'", TEXT).group(1)
    assert any(re.search(rf"^{function}\(", p.read_text(), re.M)
               for p in (ROOT / "dm-store").glob("*.c"))
    for figure in re.search(r"bench FIGURES='([^']+)'", TEXT).group(1).split():
        assert figure in "".join(p.read_text() for p in
                                 (ROOT / "tests/bench").glob("*.py")), figure
