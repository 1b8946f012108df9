# SPDX-License-Identifier: ISC
"""No function stands in a header that no other file calls.

What is exported is read from the objects. It must be needed by another object
of the product or be named in a test; a function that only its own file calls
is static, and one that nothing calls is deleted.
"""
import pathlib
import re

from test_rings import directories, symbols

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The handlers of messages and of commands: the table of their own file calls
# them, and the generated header declares them so that a missing one does not
# link.
HANDLER = re.compile(r"(net|store|dmd|resolver)_(on|command)_\w+|main")


def words_of_tests():
    words = set()
    for path in (ROOT / "tests").rglob("*.[ch]"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        words.update(re.findall(r"\w+", text))
    return words


def test_each_function_is_called_from_another_file():
    objects = [o for files in directories().values() for o in files.values()]
    tables = symbols(objects).values()
    assert len(tables) > 100
    needed = words_of_tests().union(*(needs for _, needs in tables))
    lonely = sorted(name for defines, _ in tables for name in defines
                    if name not in needed and not HANDLER.fullmatch(name))
    assert not lonely
