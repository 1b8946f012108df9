# SPDX-License-Identifier: ISC
"""Every test that SECURITY.md names for a promise exists."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
TITLE = "## Each promise"


def promises():
    """[(promise, attackers, tests)] of the table."""
    text = (ROOT / "SECURITY.md").read_text().split(TITLE, 1)[1]
    rows = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$",
                      text.split("\n## ")[0], re.M)
    return [row for row in rows if row[0] not in ("promise", "---")]


def test_every_promise_has_a_test():
    rows = promises()
    assert len(rows) > 20
    for promise, attackers, tests in rows:
        assert re.fullmatch(r"[1-6](, [1-6])*", attackers), promise
        assert tests.strip(), promise


def test_the_tests_exist():
    makefile = (ROOT / "tests" / "tests.mk").read_text()
    for promise, _, tests in promises():
        for test in tests.split("; "):
            target = re.fullmatch(r"`make (\w+)`", test)
            if target:
                assert re.search(rf"^{target[1]}:", makefile, re.M), test
                continue
            file, name = test.split(": ")
            found = list((ROOT / "tests").rglob(file))
            assert found, (promise, file)
            assert any(re.search(rf"\b{name}\(", f.read_text())
                       for f in found), (promise, test)
