# SPDX-License-Identifier: ISC
"""What the text of the sources promises a reader."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("common", "dm-net", "dm-store", "dmd", "dmctl", "tests")


def files(*endings):
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in endings and path.is_file() and \
                    "node_modules" not in path.parts:
                yield path


def name(path):
    return str(path.relative_to(ROOT))


def comments(text):
    """Each comment of a C file as one line of words."""
    for found in re.findall(r"/\*(.*?)\*/", text, re.S):
        yield " ".join(re.sub(r"\n\s*\*", "\n", found).split())


CALLERS = re.compile(r"\b(called|used)( once| only)? by\b", re.I)


def test_no_header_lists_its_callers():
    """Such a list is wrong soon, and every tool knows the callers."""
    bad = [(name(path), text) for path in files(".h")
           for text in comments(path.read_text()) if CALLERS.search(text)]
    assert not bad, bad


def test_the_list_of_callers_is_found():
    text = "/*\n * Rows.\n * Called\n * by x.c.\n */"
    assert [t for t in comments(text) if CALLERS.search(t)]


BANNER = re.compile(r"/\* --- \S.* -{3,} \*/$")
RULE = re.compile(r"^\s*(/\*|\*)( ?[-=*]{3}|[^\"]*[-=]{5})")


def broken_banners(text):
    """Numbers of the lines that rule off a section in another form than

        /* --- title ---------------------------------------------- */

    on one line of 80 columns, which clang-format leaves alone."""
    return [number for number, line in enumerate(text.splitlines(), 1)
            if RULE.match(line) and
            not (BANNER.match(line) and len(line) <= 80)]


def test_section_banners_are_whole_and_on_one_line():
    bad = [(name(path), numbers) for path in files(".c", ".h")
           if (numbers := broken_banners(path.read_text()))]
    assert not bad, bad


def test_a_mangled_banner_is_found():
    assert broken_banners("/* --- life -----\n */") == [1]
    assert broken_banners("/* --- life\n * ------- */") == [1, 2]
    assert broken_banners("/* ---- life ---- */") == [1]
    assert broken_banners("/* === life ===== */") == [1]
    assert not broken_banners("/* --- life ----- */\n/* -1 on errors. */")


PRODUCTS = FOLDERS[:-1]


def map_of_files():
    """Folder -> names in ARCHITECTURE.md's map, without their endings."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    text = text.split("## Where things are\n")[1].split("\n### The rest")[0]
    found = {}
    for part in text.split("\n### ")[1:]:
        folder, lines = part.split("\n", 1)
        found[folder] = re.findall(r"^    (\S+) +\S", lines, re.M)
    return found


def files_of_products():
    found = {}
    for path in files(".c", ".h", ".def", ".proto"):
        folder = name(path.parent) + "/"
        if folder.startswith(PRODUCTS):
            found.setdefault(folder, set()).add(path.stem)
    return found


def test_the_map_names_every_source_file():
    """A new source gets one line in ARCHITECTURE.md, "Where things are"; a
    source that goes takes its line with it."""
    shown, there = map_of_files(), files_of_products()
    assert set(shown) == set(there), set(shown) ^ set(there)
    for folder, names in shown.items():
        assert len(names) == len(set(names)), folder
        assert not there[folder] - set(names), \
            ("not in the map", folder, there[folder] - set(names))
        assert not set(names) - there[folder], \
            ("in the map, but gone", folder, set(names) - there[folder])


LINKED = {  # the Makefile's *_PARTS
    "dmd": ("dmd/", "dm-net/libp2p/", "common/"),
    "dm-net": ("dm-net/", "common/"),
    "dm-store": ("dm-store/", "common/"),
    "dmctl": ("dmctl/", "common/"),
}
TAG = re.compile(r"\b((?:struct|union|enum)\s+\w+)\s*\{")


def tags_of(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return {" ".join(tag.split()) for tag in TAG.findall(text)}


def test_a_tag_is_defined_once_in_a_program():
    """Two structs of one name are two things for a reader, for a debugger and
    for whoever searches."""
    bad = []
    for program, folders in LINKED.items():
        homes = {}
        for path in files(".c", ".h"):
            if name(path).startswith(folders) and "example" not in path.parts:
                for tag in tags_of(path.read_text()):
                    homes.setdefault(tag, []).append(name(path))
        bad += [(program, tag, where) for tag, where in homes.items()
                if len(where) > 1]
    assert not bad, bad


FILE = re.compile(r"(?<![<\w./-])((?:[\w-]+/)*)([\w-]+\.[ch])\b")


# Headers of the system and of libraries.
OTHERS = ("linux/", "sys/", "lmdb.h")


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others",
                          "--exclude-standard"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return [path for path in out.split("\n")
            if path and (ROOT / path).exists()]


def missing_files(text, folder, known):
    """Sources that a text names although the tree has none of that name:
    one with folders is looked for from the root and from `folder`, one
    without anywhere."""
    for above, file in FILE.findall(text):
        if above + file in known or f"{folder}/{above}{file}" in known:
            continue
        if above or not any(path.endswith("/" + file) for path in known):
            yield above + file


def test_comments_and_documents_name_sources_that_exist():
    known = set(tracked())
    if not known:
        pytest.skip("the sources are not a git repository")
    bad = [(name(path), missing)
           for path in files(".c", ".h", ".def") if path.suffix != ".c" or
           "tests" not in path.relative_to(ROOT).parts
           for comment in comments(path.read_text())
           for missing in missing_files(comment, name(path.parent), known)
           if not missing.startswith(OTHERS)]
    for document in ("ARCHITECTURE.md", "HACKING.md", "SECURITY.md",
                     "README.md"):
        bad += [(document, missing) for missing in missing_files(
            (ROOT / document).read_text(), "", known)
            if not re.search(r"[A-Z]", missing)]
    assert not bad, bad


def test_a_source_that_is_not_there_is_found():
    known = {"dm-store/index.c", "common/log.h"}
    assert not list(missing_files("see index.c and common/log.h, dm-store/"
                                  "index.c", "dm-store", known))
    assert list(missing_files("see settle.c, dm-store/log.h and lone.h",
                              "dm-store", known)) == [
        "settle.c", "dm-store/log.h", "lone.h"]
