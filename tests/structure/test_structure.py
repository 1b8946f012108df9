# SPDX-License-Identifier: ISC
"""The boundaries that the design promises, checked on what was built."""
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build"))


def needed(program):
    """Libraries that a program itself asks for."""
    out = subprocess.run(["readelf", "-d", BUILD / program], check=True,
                         capture_output=True, text=True).stdout
    return set(re.findall(r"\(NEEDED\)\s+Shared library: \[([a-z0-9_+-]+)",
                          out))


def test_store_has_no_network_library():
    libs = needed("dm-store")
    assert not libs & {"libssl", "libnghttp2", "libresolv"}, libs
    assert "liblmdb" in libs


def test_net_has_no_database():
    assert "liblmdb" not in needed("dm-net")
    assert "libini" not in needed("dm-net")


def test_parent_reads_no_network_bytes():
    libs = needed("dmd")
    assert not libs & {"libssl", "libnghttp2", "liblmdb", "libprotobuf-c"}, \
        libs


def sources(*folders):
    for folder in folders:
        yield from (ROOT / folder).rglob("*.[ch]")


def includes(path):
    return re.findall(r'#include "([^"]+)"', path.read_text())


def test_libp2p_stands_alone():
    for path in sources("dm-net/libp2p"):
        for name in includes(path):
            assert name.startswith(("dm-net/libp2p/",)), (path, name)


def test_sync_core_is_pure():
    calls = re.compile(r"\b(socket|clock_gettime|gettimeofday|time|event_new|"
                       r"sendmsg|recvmsg|open|getrandom|rand)\s*\(")
    for path in sources("dm-net/sync"):
        for name in includes(path):
            assert name.startswith(("dm-net/sync/", "common/",
                                    "dm-net/libp2p/peer_id.h")), (path, name)
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        found = calls.search(text)
        assert not found, (path, found)


def test_each_library_has_one_home():
    homes = {
        "lmdb.h": 1,
        # requests in dm-net, responses in dmctl
        "llhttp.h": 2, "seccomp.h": 1, "ini.h": 1,
        "msgpack.h": 1,
    }
    for header, most in homes.items():
        users = [p for p in sources("common", "dm-net", "dm-store", "dmd",
                                    "dmctl")
                 if re.search(rf"#include <{re.escape(header)}>",
                              p.read_text())]
        assert len(users) <= most, (header, users)


def test_no_file_is_named_util():
    assert not [p for p in sources("common", "dm-net", "dm-store", "dmd",
                                   "dmctl") if "util" in p.name]


PROGRAMS = ("common", "dm-net", "dm-store", "dmd", "dmctl")


def users_of(pattern):
    """The product's files whose code (not comments) matches, libp2p, which
    stands alone, left out."""
    found = re.compile(pattern)
    return {str(p.relative_to(ROOT)) for p in sources(*PROGRAMS)
            if "libp2p" not in p.parts
            and found.search(re.sub(r"/\*.*?\*/", "", p.read_text(),
                                    flags=re.S))}


def test_clocks_are_read_in_one_place():
    assert users_of(r"\b(clock_gettime|gettimeofday)\s*\(") == \
        {"common/clock.c"}
    assert users_of(r"\b1000000000(?!\d)|define NS_PER_M?S\b") == \
        {"common/clock.h"}


def test_hexadecimal_digits_have_one_home():
    assert users_of("%02x|[^g]\"0123456789abcdef") == \
        {"common/hex.h", "common/log.c", "common/config/toml_lex.c", "dmctl/url.c"}


def test_sha256_has_one_home():
    assert users_of(r"\bEVP_sha256\b|\bSHA256\s*\(|0xe3, 0xb0") == \
        {"common/sha256.c"}


def test_descriptors_are_passed_in_one_place():
    assert users_of(r"\bSCM_RIGHTS\b|\bCMSG_DATA\b") == \
        {"common/fdpass.c"}


def test_events_are_made_in_one_place():
    assert users_of(r"\b(event|evtimer|evsignal)_new\s*\(") == \
        {"common/xevent.c"}


def test_no_statement_only_names_a_parameter():
    """The compiler does not ask for it: -Wno-unused-parameter. One that says
    in a comment why a value is not looked at is welcome."""
    assert users_of(r"(?m)^\s*\(void\)\w+;$") == set()
