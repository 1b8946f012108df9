# SPDX-License-Identifier: ISC
"""dmctl against a running node: both ways in, what it shows, exit codes."""
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import BUILD, eventually
from wire import ROOT


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def served(make_node, home):
    """A running node that lets ./key.priv sign."""
    subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=home,
                   check=True, capture_output=True)
    key = (home / "key.pub").read_text().strip()
    return make_node(files={"a.txt": [key], "big": [key],
                            "dir/*": [key]}).start()


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


@pytest.fixture(params=["control", "http"])
def way(request, served):
    return [] if request.param == "control" else ["--url", served.url("")]


KEY = ("--key", "key.priv")


def test_a_file_goes_in_and_comes_out(dmctl, way, home, served):
    (home / "a.txt").write_bytes(b"hello\n")
    assert dmctl("upload", "a.txt", *KEY, *way) == (
        "a.txt: stored as a new file\n")
    assert (served.state / "files/a.txt").read_bytes() == b"hello\n"
    assert dmctl("get", "a.txt", *way) == "hello\n"
    (home / "a.txt").write_bytes(b"second\n")
    assert dmctl("file", "update", "./a.txt", "--key-path", "key.priv",
                 *way) == "a.txt: stored as a newer version\n"
    dmctl("get", "a.txt", "-o", "out", *way)
    assert (home / "out").read_bytes() == b"second\n"
    assert "good" in dmctl("verify", "a.txt", "--key", "key.pub", *way)
    assert "good" in dmctl("verify", "a.txt", "-f", served.toml, *way)
    assert dmctl("file", "delete", "a.txt", *KEY, *way) == (
        "a.txt: deleted\n")
    dmctl("get", "a.txt", *way, code=66)
    assert not (served.state / "files/a.txt").exists()
    assert json.loads(dmctl("list", "--json")) == []
    assert dmctl("list", "-H").endswith("\tdeleted\n")


def test_large_and_several(dmctl, way, home, served):
    content = os.urandom(20 << 20)
    (home / "big").write_bytes(content)
    (home / "a.txt").write_bytes(b"")
    rows = json.loads(dmctl("upload", "big", "a.txt", *KEY, "--json", *way))
    assert [r["code"] for r in rows] == ["created", "created"]
    assert rows[0]["sha256"] == hashlib.sha256(content).hexdigest()
    assert (served.state / "files/big").read_bytes() == content
    # one that fails does not keep the others out
    (home / "c.txt").write_bytes(b"c")
    out = dmctl("upload", "c.txt", "nowhere", "a.txt", *KEY, *way, code=77)
    assert out == "a.txt: stored as a newer version\n"


def test_standard_input_expiry_and_show(dmctl, way, served):
    dmctl("upload", "-", "--name", "dir/x", "--valid-for", "1h", *KEY, *way,
          input=b"from a pipe")
    row, = json.loads(dmctl("show", "dir/x", "--json"))
    assert row["state"] == "current" and row["size"] == 11
    assert row["expires_at"][11:] != row["signed_at"][11:]
    assert row["expires_at"][-11:] == row["signed_at"][-11:]
    dmctl("show", "dir/y", code=66)
    # already over when it arrives
    dmctl("sign", "key.pub", "--name", "dir/z", "--valid-for", "1s",
          "--network", "-", "-o", "late", *KEY)
    threading.Event().wait(1.1)
    dmctl("submit", "late", *way, code=65)


def test_signed_elsewhere(dmctl, way, home):
    (home / "a.txt").write_bytes(b"hello\n")
    dmctl("sign", "a.txt", "--network", "-", *KEY)
    assert "new file" in dmctl("submit", "a.txt.signed", *way)
    assert "already here" in dmctl("submit", "a.txt.signed", *way)
    network = "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk="
    dmctl("upload", "a.txt", "--network", network, *KEY, *way, code=65)


def test_json_is_that_of_http(dmctl, home, served):
    for name in ("a.txt", "big", "dir/x"):
        (home / "f").write_text(name)
        dmctl("upload", "f", "--name", name, *KEY)
    for prefix, n in (("", 3), ("dir/", 1)):
        with urllib.request.urlopen(
                served.url(f"/files?prefix={prefix}")) as answer:
            theirs = json.load(answer)
        assert len(theirs) == n
        assert json.loads(dmctl("list", *([prefix] if prefix else []),
                                "--json")) == theirs
    assert json.loads(dmctl("peers", "--json")) == []
    header = dmctl("list").splitlines()[0].split()
    assert header == ["NAME", "SIZE", "SIGNED", "SIGNER", "EXPIRES",
                      "SHA256", "STATE"]


def test_wait(dmctl, home, served):
    (home / "a.txt").write_bytes(b"one")
    late = subprocess.Popen(
        [BUILD / "dmctl", "-s", served.socket, "wait", "a.txt", "-j"],
        stdout=subprocess.PIPE)
    dmctl("upload", "a.txt", *KEY)
    rows = json.loads(late.communicate(timeout=30)[0])
    assert late.returncode == 0
    one = hashlib.sha256(b"one").hexdigest()
    assert [(r["name"], r["size"], r["sha256"]) for r in rows] == [
        ("a.txt", 3, one)]
    assert re.fullmatch(r"a.txt: the file is here, signed 20\S+Z\n",
                        dmctl("wait", "a.txt", "--sha256", one[:8].upper()))
    # another content, or none
    two = hashlib.sha256(b"two").hexdigest()

    def never(*words, code=75):
        out = subprocess.run(
            [BUILD / "dmctl", "-s", served.socket, "wait", *words,
             "--timeout", "300ms"], capture_output=True, text=True)
        assert out.returncode == code and not out.stdout, out
        return out.stderr
    assert "this node has another version" in never("a.txt", "--sha256", two)
    assert "dmctl why big gives the reason" in never("big")
    dmctl("delete", "a.txt", *KEY)
    assert "dmctl why a.txt gives the reason" in never("a.txt")
    assert "--sha256: expected" in never("a.txt", "--sha256", "xyz", code=64)
    never("../x", code=65)
    served.stop()
    assert "(check that it runs)" in never("a.txt")
    out = subprocess.run(
        [BUILD / "dmctl", "-s", served.socket, "upload", "a.txt", *KEY,
         "--network", "-", "--timeout", "200ms"], cwd=home,
        capture_output=True, text=True)
    assert out.returncode == 69 and "(check that it runs)" in out.stderr


def test_wait_for_a_daemon_that_starts(served, home):
    served.stop()
    (home / "a.txt").write_bytes(b"one")
    late = subprocess.Popen(
        [BUILD / "dmctl", "-s", served.socket, "wait", "a.txt"],
        stdout=subprocess.PIPE)
    served.start()
    subprocess.run([BUILD / "dmctl", "-s", served.socket, "upload", "a.txt",
                    *KEY], cwd=home, check=True, capture_output=True)
    assert b"the file is here" in late.communicate(timeout=30)[0]
    assert late.returncode == 0


def test_status(dmctl, home, served):
    lines = dmctl("status").splitlines()
    assert lines[0] == "all running; 0 files, 0 peers connected, 0 synced"
    status = json.loads(dmctl("status", "--json"))
    assert status["status"] == "ok" and status["silent"] == []
    assert status["files_configured"] == 3
    assert isinstance(status["listen"], list)
    pid = status["dm_store_pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        status = json.loads(dmctl("status", "--json", code=2))
        assert status["silent"] == ["dm-store"]
        assert "dm-store is silent" in dmctl("status", code=2)
        # what became of it cannot be known
        (home / "a.txt").write_bytes(b"x")
        out = subprocess.run(
            [BUILD / "dmctl", "upload", "a.txt", *KEY, "--network", "-",
             "--timeout", "1s", "--url", served.url("")],
            cwd=home, capture_output=True, text=True)
        assert out.returncode == 69
        assert re.search("http://127.0.0.1:\\d+ does not answer, and may or "
                         "may not have stored the version", out.stderr), out.stderr
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: json.loads(dmctl("status", "--json"))["silent"] == [])


def test_uploads_wait_for_a_store_that_restarts(dmctl, way, home, served):
    (home / "a.txt").write_bytes(b"x")
    served.signal_child("dm_store", signal.SIGKILL)
    dmctl("upload", "a.txt", *KEY, *way)
    assert dmctl("get", "a.txt") == "x"


def test_governing(dmctl, served):
    me = json.loads(dmctl("id", "--json"))
    assert me["peer_id"].startswith("12D3KooW") and me["network"] is None
    assert all(a.endswith("/p2p/" + me["peer_id"]) for a in me["addresses"])
    dmctl("log", "warn")
    assert json.loads(dmctl("status", "--json"))["log_level"] == "warn"
    assert dmctl("reload") == "reloaded: nothing changed\n"
    assert json.loads(dmctl("reload", "-j")) == {"done": "nothing changed"}
    served.config["cluster"]["push_pull_interval"] = "9s"
    served.write_config()
    assert dmctl("reload") == "reloaded: [cluster] push_pull_interval\n"
    served.write_config("nonsense = 1\n")
    dmctl("reload", code=78)
    served.write_config()
    dmctl("stop")
    assert served.wait_exit() == 0
    dmctl("status", code=69)


def test_forget(dmctl, home, served):
    dmctl("forget", "a.txt", code=66)
    (home / "a.txt").write_bytes(b"hello\n")
    dmctl("sign", "a.txt", "--network", "-", *KEY)
    dmctl("submit", "a.txt.signed")
    dmctl("delete", "a.txt", *KEY)
    dmctl("submit", "a.txt.signed", code=75)
    assert dmctl("forget", "a.txt") == (
        "a.txt: 1 record is dropped on this node; records that peers hold "
        "come back\n")
    assert dmctl("list", "-H") == ""
    # not even the deletion is known any more
    assert "new file" in dmctl("submit", "a.txt.signed")
    assert json.loads(dmctl("forget", "a.txt", "--json")) == {
        "name": "a.txt", "records": 1}
    assert not (served.state / "files/a.txt").exists()


def test_names_and_network_change_at_a_reload(dmctl, home, served):
    """A name taken out and put back is as it was; so is the network."""
    (home / "a.txt").write_bytes(b"hello\n")
    dmctl("upload", "a.txt", *KEY)
    files = served.config["files"]
    key = files.pop("a.txt")
    served.write_config()
    dmctl("reload")
    dmctl("get", "a.txt", code=66)
    assert not (served.state / "files/a.txt").exists()
    status = json.loads(dmctl("status", "--json"))
    assert status["records"] == status["records_unconfigured"] == 1
    files["a.txt"] = key
    served.write_config()
    dmctl("reload")
    assert dmctl("get", "a.txt") == "hello\n"
    network = "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk="
    served.config["network"] = {"key": network}
    served.write_config()
    dmctl("reload")
    assert json.loads(dmctl("id", "--json"))["network"] == network
    dmctl("get", "a.txt", code=66)
    dmctl("upload", "a.txt", "--network", "-", *KEY, code=65)
    dmctl("upload", "a.txt", *KEY)
    assert dmctl("get", "a.txt") == "hello\n"
    with urllib.request.urlopen(served.url("/healthz")) as answer:
        assert network in answer.read().decode()


def test_server_becomes_dmd(make_node, home):
    node = make_node()
    node.command = lambda *more: [str(BUILD / "data-mesher"), "server", "-f",
                                  str(node.toml)]
    node.start()
    assert node.stop() == 0


# --- what is no file, and descriptors that are not there ----------------------

def test_a_device_or_pipe_is_written_to_and_never_replaced(dmctl, home):
    (home / "a.txt").write_bytes(b"hello\n")
    dmctl("upload", "a.txt", *KEY)
    os.mkfifo(home / "pipe")
    with subprocess.Popen(["cat", home / "pipe"],
                          stdout=subprocess.PIPE) as cat:
        dmctl("get", "a.txt", "-o", "pipe")
        assert cat.communicate(timeout=60)[0] == b"hello\n"
    assert stat.S_ISFIFO((home / "pipe").stat().st_mode)
    # a link to a device: whoever broke this replaced the link, not /dev/full
    (home / "full").symlink_to("/dev/full")
    dmctl("get", "a.txt", "-o", "full", code=74)
    assert (home / "full").is_symlink()
    dmctl("sign", "a.txt", *KEY, "--network", "-", "--force", "-o", "full",
          code=74)
    assert (home / "full").is_symlink()
    dmctl("get", "a.txt", "-o", home, code=73)


def test_what_never_ends_is_not_read_for_ever(dmctl, way, home, served):
    """-f says how much the node takes."""
    served.config.setdefault("limits", {})["max_file_size"] = "1M"
    served.write_config()
    for path in ("/dev/zero", "-"):
        with open("/dev/zero", "rb") as zero:
            dmctl("upload", path, "--name", "a.txt", *KEY, *way,
                  "-f", served.toml, code=65, stdin=zero)
    # a regular file is dmd's to judge
    (home / "a.txt").write_bytes(bytes(1 << 20))
    dmctl("upload", "a.txt", *KEY, *way, "-f", served.toml)


@pytest.mark.parametrize("command", [
    ["list"], ["list", "--json"], ["status"], ["get", "a.txt"], ["--help"],
    ["list", "--help"], ["--version"], ["id"]])
def test_stdout_that_cannot_be_written(dmctl, home, served, command):
    (home / "a.txt").write_bytes(b"hello\n")
    dmctl("upload", "a.txt", *KEY)
    program = [BUILD / "dmctl", "-s", served.socket, *command]
    with open("/dev/full", "wb") as full:
        out = subprocess.run(program, stdout=full, stderr=subprocess.PIPE,
                             timeout=60)
    assert out.returncode == 74 and b"stdout" in out.stderr
    # closed: nothing that dmctl opens may take its place
    out = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *program],
                         stderr=subprocess.PIPE, timeout=60)
    assert out.returncode == 74 and b"stdout" in out.stderr


def test_a_store_that_does_not_answer_is_not_waited_for_for_ever(
        dmctl, way, home, served):
    (home / "a.txt").write_bytes(b"hello\n")
    served.signal_child("dm_store", signal.SIGSTOP)
    try:
        started = time.monotonic()
        dmctl("upload", "a.txt", *KEY, *way, "--network", "-",
              "--timeout", "1s", code=69 if way else 75)
        assert time.monotonic() - started < 30
    finally:
        served.signal_child("dm_store", signal.SIGCONT)


# --- JSON ---------------------------------------------------------------------

def keys_of(value):
    if isinstance(value, list):
        return {k for v in value for k in keys_of(v)}
    if isinstance(value, dict):
        return set(value) | {k for v in value.values() for k in keys_of(v)}
    return set()


def test_json_keys_are_alike_and_in_the_manual(dmctl, home, served):
    (home / "a.txt").write_bytes(b"hello\n")
    answers = [dmctl("upload", "a.txt", *KEY, "--json"),
               dmctl("upload", "a.txt", *KEY, "--json")]
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                    home / "other"], check=True)
    dmctl("upload", "a.txt", "--key", "other", code=77)
    for command in (["status"], ["peers"], ["list"], ["show", "a.txt"],
                    ["why", "a.txt"], ["rejects"], ["id"], ["fsck"],
                    ["verify", "a.txt", "--key", "key.pub"],
                    ["reload"], ["log", "info"], ["forget", "a.txt"]):
        answers.append(dmctl(*command, "--json"))
    keys = {k for a in answers for k in keys_of(json.loads(a))}
    assert {"config_generation", "uptime_ns", "dm_net_uptime_ns"} <= keys
    manual = (ROOT / "man/dmctl.8").read_text()
    words = set(re.findall(r"[a-z][a-z0-9_]*", manual))
    for key in keys:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", key), key
        # the three processes say the same of themselves
        plain = re.sub(r"^(dm_net|dm_store|resolver)_", "process_", key)
        assert key in words or plain in words, key
