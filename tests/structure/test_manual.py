# SPDX-License-Identifier: ISC
"""What the manual says is what the tables of the sources say."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
SYSEXITS = {
    "EX_OK": 0, "EX_USAGE": 64, "EX_DATAERR": 65, "EX_NOINPUT": 66,
    "EX_NOUSER": 67, "EX_NOHOST": 68, "EX_UNAVAILABLE": 69,
    "EX_SOFTWARE": 70, "EX_OSERR": 71, "EX_OSFILE": 72, "EX_CANTCREAT": 73,
    "EX_IOERR": 74, "EX_TEMPFAIL": 75, "EX_PROTOCOL": 76, "EX_NOPERM": 77,
    "EX_CONFIG": 78,
}


def source(name):
    """Without comments."""
    return re.sub(r"/\*.*?\*/", "", (ROOT / name).read_text(), flags=re.S)


def page(name):
    """Words as they are read: macros and their arguments' marks gone."""
    text = (ROOT / "man" / name).read_text()
    text = text.replace(r"\(dq", '"').replace(r"\e", "\\")
    text = text.replace(r"\(aq", "'").replace(r"\(ha", "^")
    return text.replace(r"\(hy", "-").replace(r"\-", "-").replace(r"\&", "")


def displays(name):
    """What stands in the manual for being copied, marks and all."""
    return re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed",
                      (ROOT / "man" / name).read_text(), re.M | re.S)


def section(text, title):
    return re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", text,
                     re.M | re.S)[1]


def words(text):
    return {w.strip(".") for w in re.findall(r"[\w./-]+", text)}


# --- dm.toml(5) ---------------------------------------------------------

def constants():
    """Plain numbers of common/limits.h."""
    found = {}
    for line in source("common/limits.h").splitlines():
        m = re.match(r"#define (\w+)\s+(\d+)u?$", line.strip())
        if m:
            found[m[1]] = int(m[2])
    return found


def options():
    """(section, key, type, restart, least, most, default) of the table."""
    text = source("common/config/config_options.c").split("options[] = {")[1]
    text = text.split("\n};")[0]
    for row in re.findall(r"ROW\((.*?)\),\n", text + "\n", re.S):
        parts = [p.strip() for p in re.split(
            r',(?=(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*$)', row)]
        key, kind, restart, _, least, most, default = parts[1:8]
        default = None if default == "NULL" else \
            default[1:-1].replace(r"\"", '"')
        yield (parts[0].strip('"'), key.strip('"'), kind, restart == "true",
               least, most, default)


def option_items():
    """section -> key -> (the rest of the .It line, the text below)."""
    text = section(page("dm.toml.5"), "DESCRIPTION")
    found = {}
    for part in re.split(r"^\.Ss ", text, flags=re.M)[1:]:
        title, body = part.split("\n", 1)
        here = {}
        title = "" if title.startswith("Above") else title.strip("[]")
        items = re.split(r"^\.It Ic ", body, flags=re.M)[1:]
        below = ""
        for item in reversed(items):  # keys that share a text come together
            line, _, own = item.partition("\n")
            below = own if own.strip() else below
            keys, _, rest = line.partition(" No ")
            for key in keys.split(" , "):
                here[key.strip(" *")] = (rest, below)
        found[title] = here
    return found


def number_texts(kind, text):
    """How the manual may spell a bound."""
    ns = {"100 * NS_PER_MS": "100ms", "1000 * NS_PER_MS": "1s",
          "NS_PER_DAY": "1d", "13 * NS_PER_DAY": "13d"}
    own = {"COUNT_MAX": "10000000"}
    if kind == "OPTION_DURATION":
        return ns[text]
    if text in own:
        return own[text]
    return str(constants().get(text, text))


def test_every_option_is_in_the_manual_with_its_default():
    items = option_items()
    seen = {}
    for sect, key, _, restart, _, _, default in options():
        assert key in items[sect], f"[{sect}] {key} is not in dm.toml(5)"
        rest = items[sect][key][0]
        seen.setdefault(sect, set()).add(key)
        assert rest.rstrip().endswith("*") == restart, \
            f"[{sect}] {key}: is a restart needed?"
        if default is not None and key != "interfaces":
            assert re.search(r"= (?:Li )?" + re.escape(default) + r"(?: \*)?$",
                             rest), (sect, key, default, rest)
    for sect in seen:
        assert set(items[sect]) == seen[sect], sect


def test_every_bound_is_in_the_manual():
    items = option_items()
    for sect, key, kind, _, least, most, _ in options():
        below = items[sect][key][1]
        if kind in ("OPTION_INTEGER", "OPTION_DURATION"):
            for bound in least, most:
                assert number_texts(kind, bound) in words(below), \
                    (sect, key, bound)
        elif kind in ("OPTION_DIALABLES", "OPTION_PEER_IDS",
                      "OPTION_MULTIADDRS"):
            assert number_texts(kind, most) in words(below), \
                (sect, key, most)


def test_every_choice_is_in_the_manual():
    items = option_items()
    for level in ("fatal", "error", "warn", "info", "debug"):
        assert level in words(items[""]["log_level"][1])
    for who in ("none", "local", "all"):
        assert who in words(items["http"]["read"][1])


def test_the_example_configuration_is_good():
    example = ROOT / "dist/dm.toml"
    out = subprocess.run([BUILD / "dmd", "-n", "-f", example],
                         capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    for line in example.read_text().splitlines():
        m = re.match(r"#?(\w+) = (\S+)$", line)
        if m and m[1] != "interface" and m[2] != "[":
            rows = [o for o in options() if o[1] == m[1]]
            assert m[2] in [o[6] for o in rows], line


# --- dmd(8) ---------------------------------------------------------------

def verdicts():
    text = source("common/verdict.def")
    for m in re.finditer(r'^VERDICT\((\w+),\s*"([^"]+)",\s*(\d+),\s*(\d+),',
                         text, re.M):
        yield m[1], m[2], int(m[3]), int(m[4])


# How an upload went, and what only dmctl can be told.
NOT_OF_HTTP = {"ok", "created", "replaced", "unchanged", "denied",
               "bad-config", "needs-restart", "unknown-command"}


def test_every_refusal_of_http_is_in_the_manual():
    text = section(page("dmd.8"), "DESCRIPTION").split(".Ss HTTP")[1]
    items = dict(re.findall(r"^\.It (\d{3}[\d, ]*)\n(.*?)(?=^\.It |^\.El)",
                            text, re.M | re.S))
    for _, code, http, _ in verdicts():
        if code in NOT_OF_HTTP or http == 0:
            continue
        below = [b for status, b in items.items() if str(http) in status]
        assert any(code in words(b) for b in below), (code, http)


def test_every_route_is_in_the_manual():
    text = section(page("dmd.8"), "DESCRIPTION")
    routes = re.findall(r'{"(/\w+)", ROUTE_', source("dm-net/http/target.c"))
    assert len(routes) >= 5
    for route in routes:
        assert f"GET {route}\n" in text, route


def test_every_message_is_in_the_manual():
    text = section(page("dmd.8"), "DESCRIPTION").split(".Ss Processes")[1]
    for name in re.findall(r"^MESSAGE\((\w+),",
                           source("common/ipc_messages.def"), re.M):
        assert name in words(text.split(".Ss")[0]), name


def exit_codes(text):
    return {int(n)
            for line in re.findall(r"^\.It (\d[\d, ]*)$",
                                   section(text, "EXIT STATUS"), re.M)
            for n in line.split(",")}


@pytest.mark.parametrize("folder,name", [("dmd", "dmd.8"),
                                         ("dmctl", "dmctl.8")])
def test_every_exit_code_is_in_the_manual(folder, name):
    used = set()
    for path in (ROOT / folder).glob("*.c"):
        used |= set(re.findall(r"\bEX_[A-Z]+\b", path.read_text()))
    listed = exit_codes(page(name))
    if folder == "dmctl":
        assert {e for *_, e in verdicts()} <= listed
    assert {SYSEXITS[u] for u in used} <= listed


# --- dmctl(8) -------------------------------------------------------------

def commands():
    text = source("dmctl/main.c").split("commands[] = {")[1].split("\n};")[0]
    return re.findall(r'^{ "([^"]+)",', text, re.M)


def test_every_command_is_in_the_manual_and_has_help():
    text = page("dmctl.8")
    assert len(commands()) > 15
    for words_ in commands():
        assert re.search(rf"^\.It Cm .*\b{words_}\b", text, re.M), words_
        out = subprocess.run([BUILD / "dmctl", *words_.split(), "--help"],
                             capture_output=True, text=True, check=False)
        assert out.returncode == 0, words_
        assert f"usage: dmctl {words_}" in out.stdout, words_
        assert "example: dmctl " in out.stdout, words_


def test_every_option_of_dmctl_is_in_the_manual():
    text = page("dmctl.8")
    longs = set()
    for words_ in commands():
        out = subprocess.run([BUILD / "dmctl", *words_.split(), "--help"],
                             capture_output=True, text=True, check=True)
        longs |= set(re.findall(r"^\s+(?:-\w, )?--([\w-]+)", out.stdout,
                                re.M))
    for name in longs:
        assert re.search(rf"\bFl -{name}\b", text), name


def test_every_control_command_has_a_command():
    names = re.findall(r"^COMMAND\((\w+),", source("common/control.def"),
                       re.M)
    known = {w.split()[0] for w in commands()}
    for name in names:
        assert name.split("_")[0] in known, name


# --- all of them ----------------------------------------------------------

@pytest.mark.parametrize("name", ["dmd.8", "dmctl.8", "dm.toml.5"])
def test_examples_can_be_copied(name):
    """groff shows bare ones as typographic quotes, hyphens and accents."""
    for text in displays(name):
        assert not re.findall(r"(?<!\\)-|['`^~]", text), text


def test_the_example_of_dm_toml_is_good(tmp_path):
    (text,) = [t for t in displays("dm.toml.5") if "[files]" in t]
    path = tmp_path / "dm.toml"
    path.write_text(text.replace(r"\-", "-"))
    out = subprocess.run([BUILD / "dmd", "-n", "-f", path],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stderr


def test_pages_refer_to_what_exists():
    pages = {p.name for p in (ROOT / "man").iterdir()}
    ours = ("dmd", "dm-net", "dm-store", "dmctl", "dm.toml")
    for name in pages:
        for ref, sect in re.findall(r"^\.Xr (\S+) (\d)", page(name), re.M):
            if ref in ours:
                assert f"{ref}.{sect}" in pages, (name, ref)
        title = re.search(r"^\.Dt (\S+) (\d)", page(name), re.M)
        assert f"{title[1].lower()}.{title[2]}" == name


def test_every_page_is_installed(tmp_path):
    """Only what `make install` says it would do is looked at."""
    out = subprocess.run(
        ["make", "-n", "install", f"DESTDIR={tmp_path}"], cwd=ROOT,
        check=True, capture_output=True, text=True).stdout
    patterns = " ".join(re.findall(r"for p in (.*?); do", out)).split()
    installed = {p for pattern in patterns for p in ROOT.glob(pattern)}
    assert installed == set((ROOT / "man").iterdir())
    for page in installed:
        assert f"{tmp_path}/" in out and f"/man{page.suffix[1]}" in out
