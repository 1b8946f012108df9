# SPDX-License-Identifier: ISC
"""Messages and comments begin with a subject, and messages ask nothing."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIRECTORIES = ["common", "dmctl", "dmd"]
TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])*\'', re.S)
# a clause that stands where the subject of a sentence should be
CLAUSE = re.compile(
    r"(?:^|[.;] )(?:What|Who|Whom|Whose|Whoever|Whatever) ")
CLAUSE_OF_MESSAGE = re.compile(
    r"(?:^|[.;:] )(?:what|who|whom|whose|whoever|whatever) ", re.I)


def tokens(text):
    """The comments and the strings; the pieces of one string together."""
    end, parts = 0, []
    for m in TOKEN.finditer(text):
        if m[0].startswith("'"):
            continue
        if m[0].startswith("/*"):
            if parts:
                yield "string", "".join(parts)
            parts = []
            yield "comment", " ".join(re.sub(
                r"\n[ \t]*\*?", " ", m[0][2:-2]).split())
            continue
        if parts and not re.fullmatch(r"\s*(PRI\w+)?\s*", text[end:m.start()]):
            yield "string", "".join(parts)
            parts = []
        parts.append(m[0][1:-1])
        end = m.end()
    if parts:
        yield "string", "".join(parts)


def faults(kind, text):
    """Yields what is wrong with a comment or a string."""
    if kind == "comment":
        if CLAUSE.search(text):
            yield "a clause is the subject"
        return
    if " " not in text:
        return
    if CLAUSE_OF_MESSAGE.search(text):
        yield "a clause is the subject"
    if re.search(r"[\w\]]\?(?: |$|\))", text) and "did you mean" not in text:
        yield "it asks"
    if "behind" in text.split():
        yield "say after"


def sources():
    for directory in DIRECTORIES:
        for path in sorted((ROOT / directory).rglob("*")):
            if path.suffix in (".c", ".h", ".def"):
                yield path


@pytest.mark.parametrize("text, n", [
    ('log_error("who signs? Say --key");', 2),
    ('log_error("%s: what is "\n    "there is not dmd");', 1),
    ('/* Adds one. What is\n * left stays. */', 1),
    ('x = "expected ] behind the name";', 1),
    ('log_error("no key: give " A "--key");  /* as who(1) does */', 0)])
def test_it_finds(text, n):
    assert sum(len(list(faults(*t))) for t in tokens(text)) == n


def test_sentences_have_a_subject():
    wrong = [f"{path.relative_to(ROOT)}: {fault}: {text}"
             for path in sources() for kind, text in tokens(path.read_text())
             for fault in faults(kind, text)]
    assert not wrong, "\n" + "\n".join(wrong)
