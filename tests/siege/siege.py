#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`make siege`: attacks on a live node in its sandbox, with a good peer and a
good client of HTTP beside them. Prints a table of what each costs whom, and
which bars were broken; exits 1 if any was.

    siege.py [--short] [ROW ...]

--short is for `make check`: shorter, and no time is judged."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import conftest  # noqa: E402
import rows  # noqa: E402
import stage  # noqa: E402
from ground import Ground  # noqa: E402

AT_ONCE = 4
HEAD = ("row", "attack", "foe MB", "foe s", "dmd", "net", "store", "res s",
        "net", "store MiB", "spread s", "healthz s", "peer", "ends")


def line(r):
    return (r.row.number, r.row.title, f"{r.sent / 1e6:.2f}",
            f"{r.foe_cpu:.2f}",
            *(f"{r.cpu.get(p, 0):.2f}" for p in
              ("dmd", "dm_net", "dm_store", "resolver")),
            *(f"{r.kib.get(p, 0) / 1024:.1f}" for p in ("dm_net", "dm_store")),
            f"{r.spread:.3f}", f"{r.health:.3f}",
            "kept" if r.is_kept else "lost", str(r.ends))


def table(results):
    lines = [HEAD, *map(line, results)]
    widths = [max(len(cells[i]) for cells in lines) for i in range(len(HEAD))]
    for cells in lines:
        print("  ".join(
            c.ljust(w) if i == 1 else c.rjust(w)
            for i, (c, w) in enumerate(zip(cells, widths))).rstrip())


def run_row(row, ground, is_short):
    seconds = row.short if is_short else row.seconds
    top = pathlib.Path(tempfile.mkdtemp(prefix="siege."))
    top.chmod(0o755)
    try:
        if row.instead:
            return row.instead(row, top, is_short)
        with conftest._nodes(top, conftest.BUILD) as make_node:
            return stage.run(row, ground, make_node, seconds, is_short)
    finally:
        if os.environ.get("SIEGE_KEEP"):
            print("kept:", top, file=sys.stderr)
        else:
            shutil.rmtree(top, ignore_errors=True)


def chosen(names, is_short, ground):
    for row in rows.ROWS:
        if names and row.number not in names:
            continue
        if is_short and row.is_open:
            continue
        if row.needs_ground and not ground.is_own:
            print(f"skip: row {row.number} needs root and ip(8)",
                  file=sys.stderr)
            continue
        yield row


def run_all(todo, ground, is_short):
    """Results in their order; those that judge no time run side by side."""
    def one(row):
        print(f"row {row.number}: {row.title}", file=sys.stderr, flush=True)
        return run_row(row, ground, is_short)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE if is_short else 1) \
            as pool:
        return list(pool.map(one, todo))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("rows", nargs="*")
    args = parser.parse_args()
    conftest.make_users()
    ground = Ground()
    results = run_all(list(chosen(args.rows, args.short, ground)), ground,
                      args.short)
    table(results)
    broken = [(r.row, bar) for r in results
              for bar in r.broken(not args.short)]
    for row, bar in broken:
        print(f"BROKEN: row {row.number} ({row.title}): {bar}")
    for r in results:
        if r.row.is_open and not r.broken(True):
            print(f"row {r.row.number} holds: it is no longer is_open")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} of "
          f"{os.cpu_count()} processors")
    (conftest.BUILD / "siege.json").write_text(json.dumps(
        [dict(zip(HEAD, line(r))) | r.facts for r in results], indent=1))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
