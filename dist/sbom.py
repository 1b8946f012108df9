#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The bill of materials of a release, in CycloneDX 1.5, on stdout.

    sbom.py ARCHITECTURE.md dmd-VERSION.tar.gz SECONDS

Libraries come from the table in ARCHITECTURE.md. A release is source: which
version of a library a program has is up to the system that it is built on, so
a library has no version here, but the lowest one that is tested. The same
release, table and time give the same bytes.
"""
import datetime
import hashlib
import json
import pathlib
import re
import sys
import uuid

HEADING = "## Libraries\n"
COLUMNS = ("library", "pkg-config", "lowest tested", "licence", "why")
ONLY_TESTS = {"cmocka"}


def libraries(text):
    """The rows of the table as dictionaries; ValueError when there is none."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in text.partition(HEADING)[2].split("\n## ")[0].split("\n")
            if line.startswith("|")]
    if len(rows) < 3 or tuple(rows[0]) != COLUMNS or \
            any(len(row) != len(COLUMNS) for row in rows):
        raise ValueError(f"no table {COLUMNS} under {HEADING.strip()!r}")
    return [dict(zip(COLUMNS, row)) for row in rows[2:]]


def component(row):
    return {
        "type": "library",
        "bom-ref": row["library"],
        "name": row["library"],
        "description": row["why"],
        "scope": "excluded" if row["library"] in ONLY_TESTS else "required",
        "licenses": [{"license": {"id": row["licence"]}}],
        "properties": [
            {"name": "dmd:lowest-version-tested",
             "value": row["lowest tested"]},
            {"name": "dmd:pkg-config", "value": row["pkg-config"]},
        ],
    }


def bill(text, tarball, seconds):
    version = re.fullmatch(r"dmd-(.+)\.tar\.gz", tarball.name)[1]
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    rows = libraries(text)
    own = f"dmd-{version}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(
                seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "dmd",
                "version": version,
                "licenses": [{"license": {"id": "ISC"}}],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            },
        },
        "components": [component(row) for row in rows],
        "dependencies": [{
            "ref": own,
            "dependsOn": [row["library"] for row in rows
                          if row["library"] not in ONLY_TESTS],
        }],
    }


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
    json.dump(bill(text, pathlib.Path(sys.argv[2]), int(sys.argv[3])),
              sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
