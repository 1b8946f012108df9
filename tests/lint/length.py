#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Reports how long functions and files are. Fails over the hard bounds: a
function of more than 80 lines (tables apart), a file of more than 600."""
import re
import sys

FUNCTION_MAX, FILE_MAX = 80, 600


def functions(lines):
    """(name, length) of every function of a file in our style: its name at
    the start of a line, its braces alone in the first column."""
    name, start = None, None
    for i, line in enumerate(lines):
        m = re.match(r"^([a-z_A-Z]\w*)\(", line)
        if m:
            name = m.group(1)
        if line.startswith("{") and name:
            start = i
        if line.startswith("}") and start is not None:
            yield name, i - start - 1
            name = start = None


def main():
    lengths, bad = [], []
    for path in sys.argv[1:]:
        with open(path) as f:
            lines = f.read().splitlines()
        if len(lines) > FILE_MAX:
            bad.append(f"{path}: {len(lines)} lines")
        if path.endswith(".c"):
            for name, n in functions(lines):
                lengths.append(n)
                if n > FUNCTION_MAX:
                    bad.append(f"{path}: {name} has {n} lines")
    lengths.sort()
    if lengths:
        print(f"{len(lengths)} functions: median "
              f"{lengths[len(lengths) // 2]} lines, 95th percentile "
              f"{lengths[len(lengths) * 95 // 100]}, longest {lengths[-1]}")
    for line in bad:
        print(line)
    return 1 if bad else 0


sys.exit(main())
