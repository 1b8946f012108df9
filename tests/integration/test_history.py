# SPDX-License-Identifier: ISC
"""What a node remembers: replaced versions, refusals, and why."""
import json
import os
import subprocess
import time

import pytest

from conftest import BUILD, eventually
from mesh import ask, put, put_ok
from versions import Signer, Version

KEYS = ("one", "two")


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    for key in KEYS:
        (path / key).mkdir(parents=True)
        subprocess.run([BUILD / "dmctl", "generate", "keypair"],
                       cwd=path / key, check=True, capture_output=True)
    return path


@pytest.fixture
def served(make_node, home):
    keys = [(home / k / "key.pub").read_text().strip() for k in KEYS]
    return make_node(files={"a.txt": keys, "one/*": keys[:1]},
                     limits={"history_versions": 3}).start()


@pytest.fixture
def dmctl(served, home):
    def call(*arguments, code=0, **kwargs):
        result = subprocess.run(
            [BUILD / "dmctl", "-s", served.socket, *map(str, arguments)],
            cwd=home, capture_output=True, timeout=90, **kwargs)
        assert result.returncode == code, (
            arguments, result.returncode, result.stdout, result.stderr)
        return result.stdout.decode()
    return call


@pytest.fixture
def upload(dmctl, home):
    def call(text, key="one", name="a.txt", **kwargs):
        (home / "f").write_text(text)
        return dmctl("upload", "f", "--name", name, "--key",
                     f"{key}/key.priv", **kwargs)
    return call


def test_earlier_versions(dmctl, upload, served, home):
    for i, key in enumerate(["one", "two", "one", "one", "two"]):
        upload(f"version {i}", key)
    rows = json.loads(dmctl("show", "a.txt", "--json"))
    assert [r["state"] for r in rows] == ["current"] + 3 * ["replaced"]
    assert [r["number"] for r in rows] == [None, 1, 2, 3]
    assert [r["content_kept"] for r in rows] == [None, True, True, True]
    for newer, older in zip(rows, rows[1:]):
        assert older["replaced_by"] == newer["signer"]
        assert older["replaced_by_signed_at"] == newer["signed_at"]
        assert older["signed_at"] < newer["signed_at"]
        assert older["replaced_at"] > newer["signed_at"]
    for n in (1, 2, 3):
        assert dmctl("get", "a.txt", "--version", n) == f"version {4 - n}"
    assert dmctl("get", "a.txt", "--version",
                 rows[2]["version"][:12]) == "version 2"
    dmctl("get", "a.txt", "--version=1", "-o", "out")
    assert (home / "out").read_text() == "version 3"
    dmctl("get", "a.txt", "--version", 4, code=66)
    dmctl("get", "a.txt", "--version", "x", code=65)
    dmctl("get", "a.txt", "--version", 1, "--url", served.url(""), code=64)
    dmctl("list", "--version", 1, code=64)
    assert dmctl("--version").startswith("dmctl ")
    text = dmctl("show", "a.txt")
    assert "replaced versions:" in text and "CONTENT-KEPT" in text
    assert len(dmctl("show", "a.txt", "-H").splitlines()) == 4
    # it survives a restart, and ends with the name
    served.stop()
    served.start()
    assert dmctl("get", "a.txt", "--version", 2) == "version 2"
    dmctl("delete", "a.txt", "--key", "one/key.priv")
    assert dmctl("get", "a.txt", "--version", 1) == "version 4"
    dmctl("forget", "a.txt")
    dmctl("show", "a.txt", code=66)


def test_rejects(dmctl, upload, served, home):
    assert json.loads(dmctl("rejects", "--json")) == []
    (home / "old").write_text("old")
    dmctl("sign", "old", "--name", "a.txt", "--network", "-", "--key",
          "one/key.priv")
    upload("first", "one")
    upload("second", "two")
    upload("nobody's", "two", "one/x", code=77)
    upload("nobody's", "two", "nowhere", code=77)
    dmctl("submit", "old.signed", "--url", served.url(""), code=75)
    rows = json.loads(dmctl("rejects", "--json"))
    assert [r["code"] for r in rows] == [
        "conflict", "unknown-signer", "unknown-file", "not-newer"]
    conflict, signer, name, older = rows
    current, lost = json.loads(dmctl("show", "a.txt", "--json"))
    assert conflict["lost_to"] == current["signer"] == older["lost_to"]
    assert conflict["signer"] == lost["signer"] == older["signer"]
    assert conflict["signed_at"] == lost["signed_at"]
    assert signer["from"] == name["from"] == "dmctl"
    assert older["from"] == "127.0.0.1" and older["count"] >= 1
    served.stop()
    served.start()
    assert json.loads(dmctl("rejects", "--json")) == rows
    assert "LOST-TO" in dmctl("rejects").splitlines()[0]


def test_why(dmctl, upload, served, home):
    assert "not configured" in dmctl("why", "b.txt")
    assert "no version of it has been accepted" in dmctl("why", "a.txt")
    upload("x", "two", "one/x", code=77)
    text = dmctl("why", "one/x").splitlines()
    assert "no version" in text[0] and "unknown-signer" in text[-1]
    upload("first")
    assert "it is here, signed 20" in dmctl("why", "a.txt")
    why = json.loads(dmctl("why", "one/x", "--json"))
    assert why["configured"] is True and why["state"] == "none"
    assert [r["code"] for r in why["rejects"]] == ["unknown-signer"]
    dmctl("why", "../x", code=65)
    # its content is lost, and nobody else has it
    os.unlink(served.state / "files/a.txt")
    dmctl("get", "a.txt", code=66)
    eventually(lambda: "no peer is connected" in dmctl("why", "a.txt"))
    dmctl("delete", "a.txt", "--key", "one/key.priv")
    assert "was deleted" in dmctl("why", "a.txt")



def test_the_peer_is_named(mesh):
    """A version that one node takes and its peer does not."""
    one, two = Signer(), Signer()
    first = mesh.add(files={"a": [one.text, two.text]})
    second = mesh.add(files={"a": [one.text]})
    mesh.wait_connected()
    put_ok(first, Version("a", b"only there", two))
    row = eventually(lambda: second.ask("rejects").rows)[0]
    assert row[4] == "unknown-signer" and row[5] == "a"
    assert row[-1] == first.peer_id()


def test_refused_by_dm_net(dmctl, served):
    """What never reached the store: malformed, too large, of a page."""
    good = Version("a.txt", b"x", Signer())
    for _ in range(3):
        answer = ask(served, "PUT", "/files/a.txt",
                     {**good.headers(), "X-Signature": "nonsense"}, b"x")
        assert answer.status == 400
    assert ask(served, "PUT", "/files/../x", good.headers(),
               b"x").status == 400
    assert ask(served, "DELETE", "/files/a.txt",
               {**good.headers(), "Origin": "https://example.com"}
               ).status == 403
    assert put(served, Version("one/big", bytes(100 << 10), Signer())
               ).code == "unknown-signer"  # the store's own
    assert ask(served, "PUT", "/files/one/big", {
        **good.headers(), "Content-Length": str(1 << 40)}).status == 413
    rows = eventually(lambda: {
        r["code"]: r for r in json.loads(dmctl("rejects", "--json"))
        if r["code"] != "unknown-signer"} if "too-large" in dmctl("rejects")
        else None)
    assert set(rows) == {"bad-field", "bad-name", "origin-refused",
                         "too-large"}
    assert rows["bad-field"]["count"] == 3
    assert rows["bad-field"]["name"] == "a.txt"
    assert rows["bad-name"]["name"] is None
    assert rows["bad-name"]["signer"] is None
    assert rows["too-large"]["name"] == "one/big"
    assert rows["too-large"]["signer"] == good.signer.text
    assert {r["from"] for r in rows.values()} == {"127.0.0.1"}
    assert "too-large" in dmctl("why", "one/big").splitlines()[-1]
    served.stop()
    served.start()
    assert json.loads(dmctl("rejects", "--json"))[-1]["from"] == "127.0.0.1"


def test_a_peer_s_are_refused_by_dm_net(mesh):
    """Too large for one node, fine for its peer; and signed far ahead."""
    signer = Signer()
    first = mesh.add(files={"a": [signer.text], "b": [signer.text]},
                     limits={"max_clock_skew": "2h"})
    second = mesh.add(files={"a": [signer.text], "b": [signer.text]},
                      limits={"max_file_size": "10K"})
    mesh.wait_connected()
    put_ok(first, Version("a", bytes(20 << 10), signer))
    put_ok(first, Version("b", b"later", signer,
                          at=time.time_ns() + 3600 * 10**9))
    eventually(lambda: len(second.ask("rejects").rows) == 2)
    rows = {row[4]: row for row in second.ask("rejects").rows}
    assert rows["too-large"][5] == "a"
    assert rows["signed-in-future"][5] == "b"
    assert {row[-1] for row in rows.values()} == {first.peer_id()}
