# SPDX-License-Identifier: ISC
"""The attacks, by the number that each has in HACKING.md's siege: who attacks,
with how much, and what has to hold besides what holds for all."""
import dataclasses
import os
import time
import typing

import conftest
import mesh
import watch
from stage import SIGNER, Bar, key_of
from versions import Version

NAME = ["named", SIGNER.public.hex()]


@dataclasses.dataclass
class Row:
    number: str
    title: str
    attack: typing.Callable
    before: typing.Callable = None
    during: typing.Callable = None
    bars: typing.Callable = None
    files: tuple = ()
    cluster: dict = None
    size: int = 500            # bytes of the honest versions
    seconds: float = 8
    short: float = 2           # in `make check`
    needs_ground: bool = False  # addresses of the Internet
    #: no defence holds yet: `make check` leaves it out
    is_open: bool = False


# --- certificates ----

def certificates(stage):
    for i, attack in enumerate(("cert_explicit", "cert_explicit_chain")):
        source = stage.ground.foe[:-1] + str(1 + 4 * i)
        stage.attack("repeat", [attack], source=source, sources=2, peers=2)


# --- content that is said to be bad ----

BIG = tuple(f"big/{i}" for i in range(32))


def put_big(stage):
    stage.big = [stage.put(Version(n, os.urandom(1 << 20), SIGNER))
                 for n in BIG]


def bad_content(stage):
    words = []
    for v in stage.big:
        words += [key_of(v.name).hex(), v.version.hex()]
    stage.attack("bad_content", words, peers=4)


# --- memory ----

MANY = tuple(f"many/{i:03}{'n' * 200}" for i in range(400))


def put_many(stage):
    jobs = [lambda part=part: [stage.put(Version(n, b"x", SIGNER))
                               for n in part]
            for part in (MANY[i::8] for i in range(8))]
    mesh.in_threads(*jobs)


def hoard(stage):
    pages = ["/files", "/peers", "/metrics"]
    for i in (2, 3):
        stage.attack_http("http_pages", pages, source=f"127.0.0.{i}",
                          peers=64)
    stage.attack("repeat", ["hoards_quietly"], peers=stage.hoarders)


# --- places ----

def newcomers(stage, count, source):
    """So many who come in the midst of it, and how many stay."""
    time.sleep(0.5)
    guests = stage.guests(count, source)
    time.sleep(max(1.5, stage.seconds - 2))
    stage.facts["newcomers"] = guests.stop()["done"]


def lack_of(stage, what, count):
    return Bar(f"{what} of {count} that were turned away",
               count - stage.facts[what], 0)


# --- sources of content ----

def announced(stage, size):
    return Version("named", os.urandom(size), SIGNER)


def wait_told(stage):
    """Until the node has heard of the version from all who attack."""
    sources = sum(f.sources for f in stage.foes)
    conftest.eventually(
        lambda: stage.target.ask("why_net", "named").values().get(
            "sources") == [sources])


def then_honest(stage):
    wait_told(stage)
    for node in stage.givers:
        mesh.put_ok(node, stage.version)
    stage.facts["arrival"] = watch.arrives(
        stage.target, stage.version)


def arrival(limit):
    return lambda stage: [
        Bar("seconds until the announced version arrives",
            stage.facts["arrival"], limit, True),
        Bar("announced versions that did not arrive",
            int(stage.facts["arrival"] == float("inf")), 0)]


def busy(stage):
    stage.givers = [stage.friend]
    stage.version = announced(stage, 300)
    stage.attack("busy", [stage.version.entry().hex()], sources=8, peers=8)


def third_node(stage):
    stage.third = stage.node(
        2, bootstrap_peers=[stage.address(stage.target)])
    stage.third.start()
    conftest.eventually(
        lambda: stage.third.peer_id() in mesh.connected(stage.target))


def slow(stage):
    stage.givers = [stage.friend, stage.third]
    stage.version = announced(stage, 8 << 20)
    stage.attack("slow", [stage.version.entry().hex(), 8 << 20],
                 rate=17 << 10)


def put_large(stage):
    stage.large = stage.put(Version("named", os.urandom(8 << 20), SIGNER))
    assert watch.arrives(stage.friend, stage.large) < watch.NEVER


def slow_reader(stage):
    v = stage.large
    stage.attack("slow_reader", [key_of(v.name).hex(), v.version.hex()],
                 rate=1126)
    time.sleep(0.5)


ROWS = [
    Row("1", "certificates with a curve of the sender's own, 1 and 19",
        certificates),
    Row("2", "content that is said to be bad", bad_content, before=put_big,
        files=("big/*",), seconds=6),
    Row("3", "unsigned entries from the future, one connection",
        lambda s: s.attack("future", NAME, rate=2_200_000), is_open=True),
    Row("3b", "the same, 60 connections",
        lambda s: s.attack("future", NAME, rate=2_200_000, peers=60),
        is_open=True),
    Row("5", "16 addresses that say nothing",
        lambda s: s.attack("silent", [40], sources=16, peers=16),
        during=lambda s: newcomers(s, 8, s.ground.newcomer),
        bars=lambda s: [lack_of(s, "newcomers", 8)], is_open=True),
    Row("6", "200 silent connections of one address, 64 of HTTP",
        lambda s: (s.attack("silent", [200]),
                   s.attack_http("silent", [64])),
        during=lambda s: newcomers(s, 1, s.ground.foe),
        bars=lambda s: [lack_of(s, "newcomers", 1)], is_open=True),
    Row("8", "one who takes four files at 1.1 KB/s each", slow_reader,
        before=put_large, size=200_000, is_open=True),
    Row("9", "eight sources that are busy", busy, during=then_honest,
        bars=arrival(1), is_open=True),
    Row("10", "a source of 17 KiB/s for 8 MiB", slow, before=third_node,
        during=then_honest, bars=arrival(5), seconds=20, is_open=True),
    Row("14", "256 entries with bad signatures, again and again",
        lambda s: s.attack("forged", NAME, peers=4)),
    Row("15", "128 records, again and again",
        lambda s: s.attack("records", peers=4)),
    Row("16", "keys of a list that share a bucket",
        lambda s: s.attack("buckets", rate=2_200_000)),
]
