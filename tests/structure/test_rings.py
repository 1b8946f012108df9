# SPDX-License-Identifier: ISC
"""No ring of files that call each other grows inside a directory.

Files A and B of one directory stand in one ring if A needs a symbol that B
defines and B needs, straight or by way of others, a symbol that A defines.
Both are read from the objects, so a header that nobody uses counts for
nothing.  To open a ring, move the function that closes it to the file that
it belongs to, or hand it over as a pointer.

`make structure` prints the sizes of the rings of each directory.  When a
ring has grown, it prints the files and the symbols that hold the ring
together.
"""
import collections
import itertools
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))
PARTS = ("common", "dm-net", "dm-store", "dmd", "dmctl")

# The sizes of the rings that a directory may hold, in files, largest first.
# A directory that is not named may hold none.  A number here is only ever
# made smaller.
ALLOWED = {
    "dm-net/sync": (10,),
}


def object_of(source):
    return BUILD / "obj" / source.relative_to(ROOT).with_suffix(".o")


def directories():
    """Each directory of sources, with its sources and their objects."""
    found = collections.defaultdict(dict)
    for part in PARTS:
        for source in sorted((ROOT / part).rglob("*.c")):
            if object_of(source).exists():
                name = str(source.parent.relative_to(ROOT))
                found[name][source.stem] = object_of(source)
    return found


def symbols(objects):
    """For each object: the symbols that it defines, those that it needs."""
    read = {path: (set(), set()) for path in map(str, objects)}
    lines = subprocess.run(["nm", "-P", "-A", "-g", *read], check=True,
                           capture_output=True, text=True).stdout
    for line in lines.splitlines():
        path, rest = line.split(": ", 1)
        symbol, kind = rest.split()[:2]
        read[path][kind in "Uwv"].add(symbol)
    return read


def calls(objects):
    """calls[a][b]: the symbols of file b that file a needs."""
    read = symbols(objects.values())
    ends = {name: read[str(path)] for name, path in objects.items()}
    return {a: {b: sorted(ends[a][1] & ends[b][0]) for b in ends
                if a != b and ends[a][1] & ends[b][0]} for a in ends}


def reached(graph, start):
    seen, left = set(), [start]
    while left:
        for name in graph[left.pop()]:
            if name not in seen:
                seen.add(name)
                left.append(name)
    return seen


def rings(graph):
    """The sets of files of which each reaches each other, largest first."""
    far = {name: reached(graph, name) for name in graph}
    found = {frozenset(b for b in far[a] if a in far[b])
             for a in graph if a in far[a]}
    return sorted(found, key=lambda ring: (-len(ring), sorted(ring)))


def test_rings_are_found():
    assert rings({"a": {"b": ["f"]}, "b": {}}) == []
    assert rings({"a": {"b": 1}, "b": {"c": 1}, "c": {"a": 1, "d": 1},
                  "d": {}, "e": {"f": 1}, "f": {"e": 1}}) == [
        frozenset("abc"), frozenset("ef")]


def test_calls_are_read():
    for name, objects in directories().items():
        assert len(objects) == 1 or any(calls(objects).values()), name


def is_more(found, allowed):
    """Whether a ring is larger than its bound, or one ring more is there."""
    return any(size > bound for size, bound in
               itertools.zip_longest(found, allowed, fillvalue=0))


def test_bounds_hold_for_each_ring():
    assert not is_more([], [])
    assert not is_more([5], [5, 2])
    assert is_more([2], [])
    assert is_more([5, 3], [5, 2])
    assert is_more([5, 2, 2], [5, 2])


def report(name, graph, ring):
    lines = [f"{name}: a ring of {len(ring)} files: {' '.join(sorted(ring))}"]
    for a in sorted(ring):
        for b in sorted(ring & set(graph[a])):
            lines.append(f"    {a} -> {b}: {' '.join(graph[a][b])}")
    return "\n".join(lines)


def counts(sizes):
    return ", ".join(map(str, sizes)) or "none"


def test_no_ring_grows(capsys):
    grown, lines = [], [""]
    for name, objects in directories().items():
        graph, allowed = calls(objects), ALLOWED.get(name, ())
        found = rings(graph)
        sizes = [len(ring) for ring in found]
        lines.append(f"rings of {name}: {counts(sizes)} "
                     f"(allowed: {counts(allowed)})")
        if is_more(sizes, allowed):
            grown += [report(name, graph, ring) for ring in found]
    with capsys.disabled():
        print("\n".join(lines))
    assert not grown, "\n" + "\n".join(grown)
