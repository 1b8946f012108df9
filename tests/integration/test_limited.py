# SPDX-License-Identifier: ISC
"""What strangers cost is charged to where they come from, and who broke rules
is not let in again for a while."""

import re

from mesh import ask, content, put_ok, wait
from refusals import SIGNER, hours
from test_refused_peers import HELLO, Rogue, entries, victim  # noqa: F401
from versions import Version

SEED = "17" * 32
ATTACKER = "127.3.0.1"


def forged(name="b", at=None):
    return Version(name, b"x", SIGNER, at=at, claim={"signature": bytes(64)})


def forge(node, *versions, **environment):
    """Ends when the node has had enough, or does not answer."""
    with Rogue(node, HELLO, entries(*versions), **environment) as rogue:
        if rogue.line() == "sent":
            rogue.line()


def value(node, key):
    return node.ask("status_net").values().get(key, [None])[0]


def metric(node, name):
    found = re.search(rb"^%s (\S+)$" % re.escape(name.encode()),
                      ask(node, "GET", "/metrics").body, re.M)
    return float(found[1])


def test_a_forger_is_not_let_in_again(victim):
    """Neither it nor what it says is believed for half a minute; another peer
    of the same address is nobody's victim."""
    forge(victim, forged(), ROGUE_SEED=SEED)
    good = Version("b", b"good", SIGNER)
    offer = HELLO, entries(good, contents=[b"good"])
    with Rogue(victim, *offer, ROGUE_SEED=SEED) as rogue:
        wait([victim], lambda: metric(
            victim, 'dm_source_limited_total{kind="offence"}') == 1)
        while not rogue.line().startswith("closed"):
            pass
    assert content(victim, "b") is None
    assert value(victim, "peers_connected") == 0
    with Rogue(victim, *offer, ROGUE_SEED="18" * 32):
        wait([victim], lambda: content(victim, "b") == b"good")


def test_a_forger_with_new_identities(victim):
    """Its address is limited, and people are told; others are not."""
    lies = [forged() for _ in range(200)]
    for n in range(40):
        forge(victim, *lies, ROGUE_SOURCE=ATTACKER,
              ROGUE_SEED=f"{n + 32:02x}" * 32)
        if value(victim, "limited_source") is not None:
            break
    told = rf"{re.escape(ATTACKER)} \(\w+: \d+ times refused, \d+\.\ds of CPU\)"
    assert re.fullmatch(told, value(victim, "limited_source"))
    assert metric(victim, 'dm_source_cost_seconds_total{kind="signature"}') > .5
    # a second of checks, no more
    assert metric(victim, 'dm_rejected_total{reason="bad-signature"}') < 4500
    victim.wait_log("limited source " + told, timeout=30)
    with Rogue(victim, HELLO, entries(
            Version("b", b"good", SIGNER), contents=[b"good"])):
        wait([victim], lambda: content(victim, "b") == b"good")


def test_future_that_nobody_signed(victim):
    """Who forges a version from the future does not make this node say that
    its clock is wrong. It is a forger like any other."""
    lie = forged(at=hours(24))
    with Rogue(victim, HELLO, entries(lie)) as rogue:
        assert rogue.line() == "sent"
        assert rogue.line().startswith("closed")
    assert value(victim, "peers_ahead") == 0
    # one that is signed is a peer whose clock is ahead, and it stays
    with Rogue(victim, HELLO, entries(Version("b", b"x", SIGNER,
                                              at=hours(24)))):
        wait([victim], lambda: value(victim, "peers_ahead") == 1)
