# SPDX-License-Identifier: ISC
"""A dm-store that was taken over tries to leave a program with a set-user-id
bit in files/ (standin.c). Its sandbox ends it each time, and nothing is left
that others could run."""
import shutil

import conftest
from stage import Bar, Result

WAYS = "open openat2 chmod chmodat group".split()


def programs(node):
    """Files that others could run."""
    return [p for p in (node.state / "files").rglob("*")
            if p.lstat().st_mode & 0o6000 or
            p.is_file() and p.lstat().st_mode & 0o111]


def attack(node, way):
    before = node.pid("dm_store")
    node.config["files"] = {f"store/program_{way}": []}
    node.write_config()
    node.ask("reload")
    node.wait_log(rf"standin: program {way}$")
    node.wait_log(rf"dm-store \(pid {before}\) .*its sandbox stopped")
    conftest.eventually(lambda: node.pid("dm_store") not in (0, before))
    # one that ends soon after its start waits longer each time
    return len(programs(node))


def run(row, top, is_short):
    place = top / "programs"
    place.mkdir(mode=0o755)
    shutil.copy(conftest.BUILD / "dmd", place)
    for name in ("dm-net", "dm-store"):
        shutil.copy(conftest.BUILD / "tests/integration/standin",
                    place / name)
    result, left = Result(row), 0
    for way in WAYS[:1] if is_short else WAYS:
        (top / way).mkdir(mode=0o755)
        with conftest._nodes(top / way, place) as make_node:
            node = make_node()
            node.start()
            left += attack(node, way)
    result.bars = [Bar("files that others could run", left, 0)]
    return result
