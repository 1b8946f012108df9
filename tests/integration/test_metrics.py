# SPDX-License-Identifier: ISC
"""What /metrics counts, and that an administrator can look it up."""
import os
import re
import signal

import pytest

from conftest import ROOT, eventually
from mesh import put, put_ok
from test_scrub import metrics, status
from versions import Signer, Version

SIGNER = Signer()


def rejected(node):
    """By reason, what is not zero."""
    return {m[1]: n for k, n in metrics(node).items()
            if (m := re.match(r'dm_rejected_total\{reason="(.*)"\}', k)) and n}


def test_refusals_by_reason(make_node):
    node = make_node(files={"a": [SIGNER.text]}).start()
    assert rejected(node) == {}
    put_ok(node, Version("a", b"one", SIGNER))
    version = Version("a", b"two", SIGNER)
    version.signature = bytes(64)
    for v, status_code in ((version, 422),
                           (Version("b", b"x", SIGNER), 403),
                           (Version("b", b"y", SIGNER), 403),
                           (Version("a", b"x", Signer()), 403)):
        assert put(node, v).status == status_code
    expected = {"bad-signature": 1, "unknown-file": 2, "unknown-signer": 1}
    eventually(lambda: rejected(node) == expected,
               message=f"{rejected(node)}")
    eventually(lambda: status(node, "rejected") == 4)
    codes = set(re.findall(r'^VERDICT\(\w+,\s*"([a-z0-9-]+)"',
                           (ROOT / "common/verdict.def").read_text(), re.M))
    reasons = {m[1] for k in metrics(node)
               if (m := re.match(r'dm_rejected_total\{reason="(.*)"\}', k))}
    assert expected.keys() < reasons < codes


@pytest.mark.parametrize("first,second", [("dm_store", "dm_net"),
                                          ("resolver", "dm_store")])
def test_restarts_by_process(make_node, first, second):
    node = make_node(files={"a": [SIGNER.text]}).start()

    def restarts():
        return {p: metrics(node).get(
            f'dm_process_restarts_total{{process="{p.replace("_", "-")}"}}')
            for p in ("dm_net", "dm_store", "resolver")}

    expected = dict.fromkeys(("dm_net", "dm_store", "resolver"), 0)
    assert restarts() == expected
    for which in (first, second):
        os.kill(node.pid(which), signal.SIGKILL)
        expected[which] = 1
        node.wait_log(f"{which.replace('_', '-')} runs again")
        node.wait_ready()
        eventually(lambda: restarts() == expected, message=f"{restarts()}")


def test_every_metric_is_in_the_manual(make_node):
    node = make_node(files={"a": [SIGNER.text]}).start()
    put_ok(node, Version("a", b"one", SIGNER, valid_for=3600))
    text = (ROOT / "man/dmd.8").read_text()
    names = {name.split("{")[0].removeprefix("dm_") for name in metrics(node)}
    assert len(names) > 20
    assert {n for n in names if not re.search(rf"\b{n}\b", text)} == set()
