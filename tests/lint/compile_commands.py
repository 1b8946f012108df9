#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Turns the output of `make -nB all` into compile_commands.json."""
import json
import os
import re
import sys

out = []
for line in sys.stdin:
    m = re.search(r" -c -o \S+ (\S+\.c)$", line.rstrip())
    if m:
        out.append({"directory": os.getcwd(), "command": line.rstrip(),
                    "file": m.group(1)})
json.dump(out, sys.stdout, indent=1)
