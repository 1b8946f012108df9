# SPDX-License-Identifier: ISC
"""dmd itself, with stand-ins for dm-net and dm-store (standin.c)."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

import pytest

import topology
import wire
from conftest import (BUILD, GROUP, IS_ASAN, IS_ROOT, PATIENCE, USERS,
                      eventually, free_port)
from rights import (SEES_PROCESSES, needs_localhost, needs_proc,
                    needs_root)

KEY = "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk="
PEER = "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"
CHILDREN = ("dm_net", "dm_store", "resolver")


def dmd(*arguments, **options):
    return subprocess.run([BUILD / "dmd", *map(str, arguments)], text=True,
                          capture_output=True, timeout=PATIENCE, **options)


# --- the command line ---------------------------------------------------------

def test_help_names_every_flag():
    out = dmd("--help")
    assert out.returncode == 0 and out.stderr == ""
    for flag in ("--foreground", "--check", "--verbose", "--config",
                 "--version", "example:"):
        assert flag in out.stdout


def test_bad_usage_is_64():
    assert dmd("--nonsense").returncode == 64
    assert dmd("surplus").returncode == 64


def test_version():
    assert re.match(r"dmd \d+\.\d+\.\d+\nOpenSSL 3", dmd("--version").stdout)


def test_check_reports_all_errors_with_their_lines(tmp_path):
    path = tmp_path / "dm.toml"
    path.write_text(
        'log_level = "loud"\n'
        "[cluster]\n"
        'bootstrap_peers = ["/ip4/192.0.2.1/tcp/7946"]\n'
        'push_pull_interval = "soon"\n'
        'allowed_peers = ["nobody"]\n'
        "[files]\n"
        '"../x" = []\n')
    out = dmd("-n", "-f", path)
    assert out.returncode == 78
    lines = out.stderr.splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "3", "4", "5", "7"]
    assert all(line.startswith(f"{path}:") for line in lines)


def test_check_of_a_good_file(tmp_path):
    path = tmp_path / "dm.toml"
    path.write_text(f'[files]\n"a" = ["{KEY}"]\n')
    assert dmd("-n", "-f", path).returncode == 0
    assert dmd("-n", "-f", "dm.toml", cwd=tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == [path], "a check makes nothing"


def test_a_file_that_others_can_write_is_told_of(parent):
    parent.write_config()
    parent.toml.chmod(0o664)
    assert "warning" not in dmd("-n", "-f", parent.toml).stderr
    parent.toml.chmod(0o646)
    out = dmd("-n", "-f", parent.toml)
    assert out.returncode == 0
    assert f"warning: every user can write {parent.toml}" in out.stderr
    parent.start()
    parent.wait_log(r"warn: every user can write \S+dm.toml,.*: chmod o-w")
    if IS_ROOT:
        parent.toml.chmod(0o644)
        os.chown(parent.toml, 65534, -1)
        since = len(parent.log())
        parent.ask("reload")
        parent.wait_log(r"warn: \S+dm.toml belongs to user 65534", since)


def test_missing_configuration(tmp_path):
    out = dmd("-n", "-f", tmp_path / "none.toml")
    assert out.returncode == 78 and "none.toml" in out.stderr


# --- what stops a start ----------------------------------------------------------

def failed_start(node, code):
    node.spawn()
    assert node.wait_exit() == code, node.log()
    errors = [line for line in node.log().splitlines() if ": error: " in line]
    assert errors, node.log()
    return errors


def test_port_in_use_is_one_line_and_75(parent):
    with socket.socket() as s:
        s.bind(("127.0.0.1", parent.http_port))
        s.listen()
        errors = failed_start(parent, 75)
    assert len(errors) == 1
    assert f"127.0.0.1:{parent.http_port}" in errors[0]
    assert "in use" in errors[0]


def test_port_that_becomes_free_is_waited_for(parent):
    """As the one of a dmd that was just killed."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", parent.http_port))
        s.listen()
        parent.spawn()
        parent.wait_log(r"127.0.0.1:%d is in use: waiting" % parent.http_port)
    parent.wait_ready()


def test_second_dmd_on_the_same_state_is_75(make_parent):
    first, second = make_parent(), make_parent()
    first.start()
    second.config[""]["state_dir"] = first.state
    errors = failed_start(second, 75)
    assert "another dmd is running" in errors[0]
    assert first.is_ready()


def test_second_dmd_on_the_same_socket_is_75(make_parent):
    first, second = make_parent(), make_parent()
    first.start()
    second.config[""]["control_socket"] = first.socket
    errors = failed_start(second, 75)
    assert "in use" in errors[0]
    assert first.is_ready()


@needs_root
def test_missing_user_names_the_command_and_is_67(parent):
    parent.config[""]["net_user"] = "_nobody_has_this"
    errors = failed_start(parent, 67)
    assert "systemd-sysusers" in errors[0] and "useradd" in errors[0]


def limited(node, number):
    """Also root may not raise the limit again."""
    command = node.command
    node.command = lambda *a: [
        *(["setpriv", "--bounding-set=-sys_resource",
           "--inh-caps=-sys_resource"] if IS_ROOT else []),
        "prlimit", f"--nofile={number}:{number}", *command(*a)]
    return node


def test_too_few_descriptors_are_one_line_that_names_the_limit(parent):
    errors = failed_start(limited(parent, 256), 71)
    assert len(errors) == 1
    assert "open files is 256" in errors[0] and "LimitNOFILE" in errors[0]


def test_few_descriptors_make_a_smaller_node(make_node):
    """Whoever takes all its sockets takes nothing that its parts need to hand
    each other descriptors: no part is thought to be compromised."""
    node = limited(make_node(), 512).start()
    assert len(re.findall("warn: .*open files is 512: there is room for about "
                          r"\d+ peers", node.log())) == 1
    with contextlib.ExitStack() as stack:
        for i, port in enumerate((node.http_port, node.p2p_port) * 400):
            s = stack.enter_context(socket.socket())
            # a source may have so many: it takes several
            s.bind((f"127.0.0.{1 + i // 50}", 0))
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                s.connect(("127.0.0.1", port))
        for _ in range(20):
            assert node.ask("peers").verdict == "ok"
            assert node.ask("list", "").verdict == "ok"
    assert "compromised" not in node.log()
    assert node.status()["dm_net_restarts"] == [0]


@needs_root
def test_users_must_differ(parent):
    parent.config[""]["net_user"] = "_dmstore"
    assert "different users" in failed_start(parent, 78)[0]


@needs_root
def test_foreign_state_dir_is_refused(parent):
    parent.state.mkdir()
    (parent.state / "x").touch()
    shutil.chown(parent.state, "_dmnet")
    assert "belongs to _dmnet:" in failed_start(parent, 77)[0]


def test_state_dir_that_others_may_write_is_refused(parent):
    parent.state.mkdir()
    if IS_ROOT:
        shutil.chown(parent.state, group=GROUP)
    (parent.state / "x").touch()
    parent.state.chmod(0o777)
    assert "chmod" in failed_start(parent, 77)[0]


def test_state_dir_may_be_a_link(parent):
    (parent.base / "disk").mkdir(mode=0o700)
    parent.state.symlink_to(parent.base / "disk")
    parent.start()
    assert mode(parent.base / "disk")[0] == 0o750, "an empty one is adopted"


def test_socket_where_others_may_write_is_refused(parent):
    """They could replace it; and nobody's directory is changed for it."""
    shared = parent.base / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    parent.config[""]["control_socket"] = shared / "control.sock"
    assert "name another directory" in failed_start(parent, 77)[0]
    assert mode(shared)[0] == 0o1777


def test_readable_identity_key_is_refused(parent):
    parent.start()
    parent.stop()
    (parent.state / "identity.key").chmod(0o644)
    assert "identity.key" in failed_start(parent, 77)[0]


def test_children_that_do_not_start_end_it(parent):
    parent.config["files"] = {"net/exit": []}
    errors = failed_start(parent, 70)
    assert "dm-net does not start" in errors[-1]
    assert not parent.socket.exists()


# --- what a start makes ------------------------------------------------------------

def mode(path):
    st = path.lstat()
    return stat.S_IMODE(st.st_mode), path.owner(), path.group()


def test_directories_and_their_owners(parent):
    parent.start()
    store, group = (("_dmstore", GROUP) if IS_ROOT
                    else (parent.base.owner(), parent.base.group()))
    own = parent.base.owner()
    assert mode(parent.state) == (0o750, own, group)
    assert mode(parent.state / "files") == (0o2750, store, group)
    for name in ("index", "index/old", "index/tmp", "quarantine"):
        assert mode(parent.state / name) == (0o700, store, group)
    assert mode(parent.state / "identity.key")[:2] == (0o600, own)
    assert mode(parent.socket) == (0o660, own, group)
    if IS_ROOT:
        assert mode(parent.run / "empty")[:2] == (0o555, "root")
        assert list((parent.run / "empty").iterdir()) == []


def test_identity_survives_a_restart(parent):
    parent.start()
    before = parent.peer_id()
    assert parent.stop() == 0
    parent.start()
    assert parent.peer_id() == before
    ssh = subprocess.run(["ssh-keygen", "-y", "-f",
                          parent.state / "identity.key"],
                         capture_output=True, text=True)
    assert ssh.returncode == 0 and ssh.stdout.startswith("ssh-ed25519 ")


def test_socket_of_a_killed_dmd_is_replaced(parent):
    parent.start()
    parent.kill()
    assert parent.socket.exists()
    # the lock is free once the children, which do not hold it, are gone or not
    parent.start()


def test_stop_removes_the_socket_and_leaves_nobody(parent):
    parent.start()
    pids = [parent.pid(c) for c in CHILDREN]
    assert parent.stop() == 0
    assert not parent.socket.exists()
    assert not any(pathlib.Path(f"/proc/{p}").exists() for p in pids)


def test_children_end_when_dmd_is_killed(parent):
    parent.start()
    pids = [parent.pid(c) for c in CHILDREN]
    parent.kill()
    eventually(lambda: not any(alive(p) for p in pids))


def alive(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rsplit(")", 1)[1].split()[0] != "Z"


def test_background_start_returns_when_ready(parent):
    """Without -d the command returns once the daemon serves."""
    parent.write_config()
    out = subprocess.run(parent.command(), timeout=PATIENCE,
                         env=parent.environment(),
                         capture_output=True, text=True)
    try:
        assert out.returncode == 0, out.stderr
        assert parent.ask("status_dmd").value("ready") == 1
    finally:
        assert parent.ask("stop").verdict == "ok"
        eventually(lambda: not parent.socket.exists())


def test_background_start_fails_with_the_daemons_status(parent):
    parent.config["files"] = {"store/exit": []}
    parent.write_config()
    out = subprocess.run(parent.command(), timeout=PATIENCE,
                         env=parent.environment(),
                         capture_output=True, text=True)
    assert out.returncode == 70
    assert "dm-store does not start" in out.stderr


# --- systemd --------------------------------------------------------------------------

@contextlib.contextmanager
def service_manager(tmp_path, name):
    path = str(tmp_path / "notify") if name == "path" else f"@dmd-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path if name == "path" else "\0" + path[1:])
        s.settimeout(PATIENCE)
        yield s, path


def notified(sock, wanted):
    """Datagrams up to the first with this line."""
    seen = []
    while True:
        seen.append(sock.recv(4096).decode().splitlines())
        if wanted in seen[-1]:
            return seen


@pytest.mark.parametrize("name", ["path", "abstract"])
def test_service_manager_is_told(parent, tmp_path, name):
    with service_manager(tmp_path, name) as (sock, path):
        parent.spawn(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
        notified(sock, "READY=1")
        assert parent.ask("status_dmd").value("ready") == 1
        notified(sock, "WATCHDOG=1")
        parent.process.send_signal(signal.SIGHUP)
        first = [s for s in notified(sock, "READY=1") if "RELOADING=1" in s]
        assert first and first[0][1].startswith("MONOTONIC_USEC=")
        parent.signal_child("dm_store", signal.SIGKILL)
        notified(sock, "STATUS=serving")
        parent.process.terminate()
        notified(sock, "STOPPING=1")
        assert parent.wait_exit() == 0


def test_not_ready_before_the_children_are(parent, tmp_path):
    parent.config["files"] = {"store/mute": []}
    with service_manager(tmp_path, "path") as (sock, path):
        parent.spawn(env={"NOTIFY_SOCKET": path})
        parent.wait_log("dm-net: starting -> ready")
        parent.wait_log("resolver: starting -> ready")
        assert parent.ask("status_dmd").value("ready") == 0
        sock.setblocking(False)
        seen = []
        with contextlib.suppress(BlockingIOError):
            while True:
                seen += sock.recv(4096).decode().splitlines()
        assert "READY=1" not in seen


# --- what the children get ----------------------------------------------------------------

def test_children_are_told_the_configuration(parent):
    parent.config["files"] = {"a/b": [KEY], "zone/*": []}
    parent.config["cluster"].update(
        bootstrap_peers=[f"/dns/alpha.test/tcp/1/p2p/{PEER}"],
        allowed_peers=[PEER])
    parent.config["network"] = {"key": KEY}
    parent.start()
    for child in ("net", "store"):
        tag = rf"dmd\[{child}\]: info: standin: "
        parent.wait_log(tag + "begin generation 1, network 32 bytes")
        parent.wait_log(tag + "name a/b, 1 signers")
        parent.wait_log(tag + r"name zone/\*, 0 signers")
    parent.wait_log(rf"peer kind 0 /dns/alpha.test/tcp/1/p2p/{PEER}")
    parent.wait_log(rf"peer kind 1 {PEER}")
    assert "dmd[store]: info: standin: peer" not in parent.log()
    parent.wait_log(r"listen \d+ kind 0 7f000001 %d ''" % parent.p2p_port)
    parent.wait_log(r"listen \d+ kind 1 7f000001 %d ''" % parent.http_port)


def test_tls_key_is_signed_by_the_identity(parent):
    """OpenSSL's own command verifies what dmd signed."""
    parent.start()
    key, signature = parent.wait_log(r"standin: signature (\w+) (\w+)").groups()
    spki = bytes.fromhex(
        "3059301306072a8648ce3d020106082a8648ce3d030107034200"
        "04") + b"\x41" * 64
    public = parent.base / "public.der"
    public.write_bytes(
        bytes.fromhex("302a300506032b6570032100") + bytes.fromhex(key))
    text, sig = parent.base / "text", parent.base / "sig"
    text.write_bytes(b"libp2p-tls-handshake:" + spki)
    sig.write_bytes(bytes.fromhex(signature))
    out = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public,
         "-keyform", "DER", "-rawin", "-in", text, "-sigfile", sig],
        capture_output=True, text=True)
    assert "Verified Successfully" in out.stdout, out.stderr
    id_key = parent.ask("id").value("public_key")
    assert key == __import__("base64").b64decode(id_key).hex()


def test_peer_record_names_the_listener(parent):
    parent.start()
    record = parent.wait_log(r"standin: record (\w+)").group(1)
    address = "047f000001" + "06" + f"{parent.p2p_port:04x}"
    assert address in record
    assert parent.ask("id").value("address") == parent.multiaddr()


def test_advertise_comes_first_in_the_record(parent):
    parent.config["cluster"]["advertise"] = ["/dns/me.test/tcp/4001"]
    parent.start()
    assert parent.ask("id").values()["address"] == [
        f"/dns/me.test/tcp/4001/p2p/{parent.peer_id()}", parent.multiaddr()]


@needs_proc
def test_no_descriptor_leaks_into_children(parent):
    parent.start()
    for child in CHILDREN:
        fds = {int(p.name): os.readlink(p) for p in
               pathlib.Path(f"/proc/{parent.pid(child)}/fd").iterdir()}
        assert fds[0] == fds[1] == "/dev/null"
        assert fds[3].startswith("socket:")
        # the store's stand-in opens that itself
        own = f"{parent.base}/state/files" if child == "dm_store" else None
        others = " ".join(fds[n] for n in fds if n != 2 and fds[n] != own)
        assert str(parent.base) not in others, fds
        assert "netlink" not in others.lower(), fds


@needs_root
def test_children_run_as_their_users_and_without_rights(parent):
    parent.start()
    for child, user in zip(CHILDREN, USERS):
        path = pathlib.Path(f"/proc/{parent.pid(child)}")
        status = (path / "status").read_text()
        assert (path / "fd").owner() == "root", "not dumpable"
        import pwd
        uid = str(pwd.getpwnam(user).pw_uid)
        assert re.search(r"^Uid:\s+(.*)", status, re.M).group(1).split() == \
            [uid] * 4
        assert re.search(r"^Groups:\s*$", status, re.M)
        for line in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(re.search(rf"^{line}:\s+(\w+)", status,
                                 re.M).group(1), 16) == 0
        assert re.search(r"^NoNewPrivs:\s+1", status, re.M)
        assert re.search(r"^Seccomp:\s+2", status, re.M)


@needs_proc
def test_children_see_no_more_than_their_directory(parent):
    parent.start()
    assert os.readlink(f"/proc/{parent.pid('dm_net')}/root") == \
        str(parent.run / "empty")
    assert os.readlink(f"/proc/{parent.pid('dm_store')}/root") == \
        str(parent.state)


@needs_root
def test_parent_keeps_few_rights(parent):
    parent.start()
    status = pathlib.Path(f"/proc/{parent.process.pid}/status").read_text()
    # KILL 5, SETGID 6, SETUID 7, SETPCAP 8, SYS_CHROOT 18
    keep = sum(1 << n for n in (5, 6, 7, 8, 18))
    for line in ("CapPrm", "CapEff", "CapBnd"):
        assert int(re.search(rf"^{line}:\s+(\w+)", status,
                             re.M).group(1), 16) & ~keep == 0, line
    assert re.search(r"^NoNewPrivs:\s+1", status, re.M)
    assert re.search(r"^Seccomp:\s+2", status, re.M)


def test_layers_are_reported(parent):
    parent.start()
    status = parent.status()
    for child in CHILDREN:
        layers = status[f"{child}_sandbox"][0].split()
        assert "seccomp" in layers and "no-new-privs" in layers
        if IS_ROOT:
            assert "user" in layers
    assert "seccomp" in status["sandbox_dmd"][0].split()


# --- children that end, or break the rules ---------------------------------------------------

@pytest.mark.parametrize("child", CHILDREN)
def test_killed_child_comes_back_and_is_joined_again(parent, child):
    parent.start()
    before, since = parent.pid(child), len(parent.log())
    others = {c: parent.pid(c) for c in CHILDREN if c != child}
    parent.signal_child(child, signal.SIGKILL)
    eventually(lambda: parent.pid(child) not in (0, before))
    parent.wait_ready()
    assert {c: parent.pid(c) for c in others} == others
    assert parent.status()[f"{child}_restarts"] == [1]
    if child == "dm_net":
        parent.wait_log(r"dmd\[net\].*listen \d+ kind 1", since)
        parent.wait_log(r"dmd\[net\].*record", since)
        parent.wait_log(r"dmd\[store\].*link to dm-net open", since)
    elif child == "dm_store":
        parent.wait_log(r"dmd\[net\].*link to dm-store open", since)
    else:
        parent.wait_log(r"dmd\[net\].*link to resolver open", since)


def test_second_end_within_a_minute_waits(parent):
    parent.start()
    for times in (1, 2):
        before, since = parent.pid("dm_store"), len(parent.log())
        parent.signal_child("dm_store", signal.SIGKILL)
        eventually(lambda: parent.pid("dm_store") != before)
        if times == 2:
            parent.wait_log("dm-store is started again in 1 s", since)
        parent.wait_ready()


@pytest.mark.parametrize("who, name", [
    ("dm-net", "net/garbage"), ("dm-store", "store/garbage"),
    ("dm-store", "store/foreign"), ("dm-net", "net/sign"),
    ("dm-store", "store/twice"), ("dm-net", "net/slander"),
    ("dm-store", "store/slander")])
def test_child_that_breaks_the_rules_is_killed_and_named(parent, who, name):
    parent.start()
    key = who.replace("-", "_")
    before = parent.pid(key)
    parent.config["files"] = {name: []}
    parent.write_config()
    parent.ask("reload")
    parent.wait_log(rf"error: {who} \(pid {before}\) looks compromised")
    parent.wait_log(rf"{who} \(pid {before}\) was ended by signal 9")
    # without the name that made it do so, it comes back and stays
    parent.config["files"] = {}
    parent.write_config()
    eventually(lambda: parent.ask("reload").verdict == "ok")
    parent.wait_ready()


@pytest.mark.skipif(IS_ASAN, reason="its reports open what they like")
@pytest.mark.parametrize("how", "open openat2 chmod chmodat group".split())
def test_no_set_user_id_program_is_left_in_files(parent, how):
    """A dm-store that was taken over makes nothing that others would run with
    its rights, outside its sandbox."""
    parent.start()
    before = parent.pid("dm_store")
    parent.config["files"] = {f"store/program_{how}": []}
    parent.write_config()
    parent.ask("reload")
    parent.wait_log(rf"standin: program {how}$")
    parent.wait_log(rf"dm-store \(pid {before}\) .*its sandbox stopped")
    assert f"standin: program {how}:" not in parent.log()
    made = [p for p in (pathlib.Path(parent.state) / "files").rglob("*")
            if p.lstat().st_mode & 0o6000
            or p.is_file() and p.lstat().st_mode & 0o111]
    assert made == []


def test_accused_sibling_is_killed_and_text_is_escaped(parent):
    parent.start()
    before = parent.pid("dm_store")
    parent.config["files"] = {"net/accuse": []}
    parent.write_config()
    parent.ask("reload")
    parent.wait_log(
        rf"dm-store \(pid {before}\) looks compromised.*dm-net says: "
        r"it sent .*x1b\[31m")
    assert "\x1b" not in parent.log()
    eventually(lambda: parent.pid("dm_store") not in (0, before))


def test_who_accuses_again_is_killed_too(parent):
    """A child that was taken over cannot keep its sibling down."""
    parent.start()
    net = parent.pid("dm_net")
    for files in ({"net/accuse": []}, {"net/accuse": [], "x": []}):
        assert parent.pid("dm_net") == net
        store = parent.pid("dm_store")
        parent.config["files"] = files
        parent.write_config()
        parent.ask("reload")
        eventually(lambda: parent.pid("dm_store") not in (0, store))
        if "x" not in files:
            parent.wait_ready()
    parent.wait_log(rf"dm-net \(pid {net}\) accuses again")
    eventually(lambda: parent.pid("dm_net") not in (0, net))


def test_sandbox_stop_is_named(parent):
    """A child ended by SIGSYS is not an ordinary crash."""
    parent.start()
    parent.signal_child("dm_net", signal.SIGSYS)
    parent.wait_log("dm-net .* looks compromised: its sandbox")



def test_silent_child_is_killed(parent):
    parent.start()
    before = parent.pid("resolver")
    parent.signal_child("resolver", signal.SIGSTOP)
    parent.wait_log(rf"resolver \(pid {before}\) has been silent for 30 s "
                    "and is killed", timeout=60)
    eventually(lambda: parent.pid("resolver") not in (0, before))


# --- the control socket --------------------------------------------------------------------------

def test_unknown_and_malformed_requests_are_answered(parent):
    parent.start()
    assert wire.ask_raw(parent.socket, wire.request(200)).verdict == \
        "unknown-command"
    assert wire.ask_raw(parent.socket, b"GET / HTTP/1.1\r\n").verdict == \
        "malformed"
    assert wire.ask_raw(parent.socket, b"DMC1").verdict == "malformed"
    assert wire.ask_raw(parent.socket,
                        b"DMC1\x01\x01\xff\xff" + b"x" * 100).verdict == \
        "malformed"
    # header says one thing, body another
    assert wire.ask_raw(parent.socket,
                        wire.request("log", 9)).verdict in ("malformed",
                                                           "bad-field")
    assert parent.is_ready()


def test_request_is_passed_on_unread(parent):
    parent.start()
    with tempfile.TemporaryFile() as attached:
        answer = parent.ask("upload", b"\x99" * 100, fds=[attached.fileno()])
    assert answer.verdict is None, "the stand-in does not answer"
    parent.wait_log(rf"dmd\[store\].*client uid {os.geteuid()} privileged 1, "
                    r"\d+ bytes, header agrees")
    fds = pathlib.Path(f"/proc/{parent.process.pid}/fd")
    if SEES_PROCESSES:
        assert not any("deleted" in os.readlink(p) for p in fds.iterdir())


@needs_root
def test_rights_on_the_control_socket(parent):
    """Of the group: may ask. Others: not even connect. Neither commands."""
    parent.start()
    code = ("import sys; sys.path.insert(0, sys.argv[1]); import wire\n"
            "try:\n"
            "    print(wire.ask(sys.argv[2], sys.argv[3]).verdict)\n"
            "except PermissionError:\n"
            "    print('refused')\n")
    here = pathlib.Path(tempfile.mkdtemp())
    here.chmod(0o755)
    source = here / "tests" / "integration"
    source.mkdir(parents=True)
    (here / "common").mkdir()
    shutil.copy(wire.__file__, source)
    for name in ("ipc_messages.def", "control.def", "verdict.def"):
        shutil.copy(wire.ROOT / "common" / name, here / "common")

    def asks(command, groups):
        import grp
        import pwd
        user = pwd.getpwnam("nobody")
        python = shutil.which("python3", path="/usr/bin:/bin")
        if python is None:
            pytest.skip("no python3 that others may execute")
        return subprocess.run(
            [python, "-c", code, source, parent.socket, command],
            user=user.pw_uid, group=user.pw_gid,
            extra_groups=[grp.getgrnam(g).gr_gid for g in groups],
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, text=True).stdout.strip()

    try:
        assert asks("status_dmd", [GROUP]) == "ok"
        assert asks("stop", [GROUP]) == "denied"
        assert asks("reload", [GROUP]) == "denied"
        assert asks("id_rotate", [GROUP]) == "denied"
        assert asks("status_dmd", []) == "refused"
    finally:
        shutil.rmtree(here)
    assert parent.is_ready()


def test_silent_clients_do_not_shut_others_out(parent):
    parent.start()
    with contextlib.ExitStack() as stack:
        for _ in range(63):
            s = stack.enter_context(
                socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            s.connect(str(parent.socket))
        assert parent.ask("status_dmd").verdict == "ok"
        s = stack.enter_context(
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        s.connect(str(parent.socket))
        assert parent.ask("status_dmd").verdict == "busy"
        # after CONTROL_IDLE_NS_MAX they are cut
        s.settimeout(PATIENCE)
        assert s.recv(100) == b""
    assert parent.ask("status_dmd").verdict == "ok"


def test_store_command_while_the_store_is_down(parent):
    parent.start()
    for _ in range(2):  # the second restart waits a second
        before = parent.pid("dm_store")
        parent.signal_child("dm_store", signal.SIGKILL)
        eventually(lambda: parent.pid("dm_store") != before)
    assert parent.ask("list", "").verdict == "store-restarting"


def test_stop_command(parent):
    parent.start()
    assert parent.ask("stop").verdict == "ok"
    assert parent.wait_exit() == 0


def test_log_level_reaches_the_children(parent):
    parent.start()
    assert parent.ask("log", 4).verdict == "ok"
    for child in ("net", "store"):
        parent.wait_log(rf"dmd\[{child}\].*log level 4")
    assert parent.ask("log", 1).verdict == "ok"
    assert parent.ask("status_dmd").value("log_level") == "error"


def test_id_rotate_takes_effect_at_the_next_start(parent):
    parent.start()
    old = parent.peer_id()
    answer = parent.ask("id_rotate")
    assert answer.verdict == "ok"
    new = answer.value("new_peer_id")
    assert new != old and parent.peer_id() == old
    parent.stop()
    parent.start()
    assert parent.peer_id() == new
    assert mode(parent.state / "identity.key")[0] == 0o600


# --- reload ------------------------------------------------------------------------------------------

def test_reload_tells_the_children_and_says_what_changed(parent):
    parent.start()
    parent.config["files"] = {"new": [KEY]}
    parent.write_config()
    answer = parent.ask("reload")
    assert answer.verdict == "ok" and "1 added" in answer.sentence
    for child in ("net", "store"):
        parent.wait_log(rf"dmd\[{child}\].*begin generation 2")
        parent.wait_log(rf"dmd\[{child}\].*name new, 1 signers")
    assert parent.status()["config_generation"] == [2]


def test_reload_of_a_bad_file_changes_nothing(parent):
    parent.config["files"] = {"a": [KEY]}
    parent.start()
    parent.write_config("nonsense = 1\nalso bad\n")
    answer = parent.ask("reload")
    assert answer.verdict == "bad-config"
    assert f"{parent.toml}:1:" in answer.sentence
    parent.process.send_signal(signal.SIGHUP)
    eventually(lambda: parent.log().count("nothing has changed") >= 2)
    assert f"{parent.toml}:2:" in parent.log(), "every error is logged"
    assert parent.status()["config_generation"] == [1]
    assert "generation 2" not in parent.log()


def test_reload_that_needs_a_restart_is_refused(parent):
    parent.start()
    parent.config[""]["state_dir"] = parent.base / "elsewhere"
    parent.write_config()
    answer = parent.ask("reload")
    assert answer.verdict == "needs-restart"
    assert "state_dir" in answer.sentence
    assert parent.status()["config_generation"] == [1]


def test_reload_moves_the_listeners(parent):
    parent.start()
    old = parent.http_port
    parent.http_port = parent.config["http"]["port"] = free_port()
    parent.write_config()
    assert parent.ask("reload").verdict == "ok"
    parent.wait_log(r"listen \d+ kind 1 7f000001 %d ''" % parent.http_port)
    parent.wait_log(r"dmd\[net\].*unlisten \d+")
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", old)) != 0
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", parent.http_port)) == 0


def test_port_in_use_at_reload_does_not_end_it(parent):
    parent.start()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        parent.config["http"]["port"] = s.getsockname()[1]
        parent.write_config()
        assert parent.ask("reload").verdict == "ok"
        parent.wait_log("cannot listen on http 127.0.0.1.*in use")
        assert parent.ask("reload").verdict == "ok"
        assert parent.is_ready()
        assert parent.log().count("cannot listen on http") == 1
    # free again: tried again by itself
    parent.wait_log(r"listening on http 127.0.0.1:%d" %
                    parent.config["http"]["port"], timeout=PATIENCE)


# --- interfaces ------------------------------------------------------------------------------------------

@pytest.fixture
def namespace():
    """A network namespace of this test; dmd is started inside it."""
    if not topology.can_make_namespaces():
        pytest.skip("network namespaces cannot be made here")
    name = f"dmd-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    ip = lambda *a: subprocess.run(["ip", "-n", name, *a], check=True)
    ip("link", "set", "lo", "up")
    yield name, ip
    subprocess.run(["ip", "netns", "del", name])


def add_interface(ip, name):
    """One end of a cable whose other end lies there as well."""
    ip("link", "add", name, "type", "veth", "peer", "name", "other-end")
    ip("link", "set", name, "up")
    ip("link", "set", "other-end", "up")


def in_namespace(node, name):
    command = node.command
    node.command = lambda *a: ["ip", "netns", "exec", name, *command(*a)]


def reaches(name, address, port):
    code = (f"import socket; s = socket.create_connection(({address!r}, "
            f"{port}), 2)")
    return subprocess.run(["ip", "netns", "exec", name, "python3", "-c", code],
                          stderr=subprocess.DEVNULL).returncode == 0


def test_interface_that_comes_late_goes_and_comes_back(parent, namespace):
    name, ip = namespace
    in_namespace(parent, name)
    parent.config["http"]["interface"] = "tailscale0"
    parent.start()
    assert parent.status()["waiting_for"] == ["tailscale0"]
    for _ in range(2):
        since = len(parent.log())
        add_interface(ip, "tailscale0")
        ip("addr", "add", "10.77.0.1/24", "dev", "tailscale0")
        parent.wait_log(r"dmd\[net\].*listen \d+ kind 1 0a4d0001 \d+ "
                        "'tailscale0'", since)
        parent.wait_log(r"dmd\[net\].*own 0a4d0001$", since)
        assert "waiting_for" not in parent.status()
        assert reaches(name, "10.77.0.1", parent.http_port)
        ip("link", "del", "tailscale0")
        parent.wait_log(r"dmd\[net\].*unlisten", since)
        eventually(lambda: "waiting_for" in parent.status())
        assert reaches(name, "127.0.0.1", parent.http_port)


def test_named_interface_is_closed_to_others(parent, namespace):
    """What comes in through another interface is not served, even if it is
    addressed to the named one's address."""
    name, ip = namespace
    in_namespace(parent, name)
    add_interface(ip, "inside")
    ip("addr", "add", "10.77.0.1/24", "dev", "inside")
    ip("link", "add", "outside", "type", "veth", "peer", "name", "far")
    far = f"{name}-far"
    subprocess.run(["ip", "netns", "add", far], check=True)
    try:
        ip("link", "set", "far", "netns", far)
        ip("addr", "add", "10.78.0.1/24", "dev", "outside")
        ip("link", "set", "outside", "up")
        subprocess.run(f"ip -n {far} addr add 10.78.0.2/24 dev far && "
                       f"ip -n {far} link set far up && "
                       f"ip -n {far} route add 10.77.0.0/24 via 10.78.0.1",
                       shell=True, check=True)
        parent.config["http"]["interfaces"] = ["inside"]
        parent.config["cluster"].pop("interface")
        parent.start()
        eventually(lambda: reaches(far, "10.77.0.1", parent.p2p_port))
        assert not reaches(far, "10.77.0.1", parent.http_port)
        assert reaches(name, "10.77.0.1", parent.http_port)
    finally:
        subprocess.run(["ip", "netns", "del", far])


def test_alternative_names_and_addresses(parent, namespace):
    name, ip = namespace
    in_namespace(parent, name)
    add_interface(ip, "d0")
    ip("link", "property", "add", "dev", "d0", "altname", "the-mesh-interface")
    ip("addr", "add", "10.77.0.1/24", "dev", "d0")
    ip("addr", "add", "fd77::1/64", "dev", "d0", "nodad")
    parent.config["http"]["interfaces"] = ["the-mesh-interface"]
    parent.config["cluster"].pop("interface")
    parent.config["cluster"]["interfaces"] = ["fd77::1", "10.9.9.9"]
    parent.start()
    listen = parent.status()["listen"]
    assert f"http 10.77.0.1%d0:{parent.http_port}" in listen
    assert f"http [fd77::1%d0]:{parent.http_port}" in listen
    assert f"libp2p [fd77::1]:{parent.p2p_port}" in listen
    assert parent.status()["waiting_for"] == ["10.9.9.9"]
    for address in ("10.77.0.1", "fd77::1", "127.0.0.1", "::1"):
        assert reaches(name, address, parent.http_port), address
    ip("addr", "add", "10.9.9.9/32", "dev", "d0")
    parent.wait_log("listening on libp2p 10.9.9.9")
    eventually(lambda: any("10.9.9.9" in a for a in
                           parent.ask("id").values()["address"]))


def test_wildcard_listens_on_both_families(parent):
    parent.config["cluster"].pop("interface")
    parent.start()
    listen = parent.status()["listen"]
    assert f"libp2p 0.0.0.0:{parent.p2p_port}" in listen
    for family, address in ((socket.AF_INET, "127.0.0.1"),
                            (socket.AF_INET6, "::1")):
        with socket.socket(family) as s:
            assert s.connect_ex((address, parent.p2p_port)) == 0


# --- the resolver --------------------------------------------------------------------------------------------

class Resolver:
    """`dmd --role=resolver`, with the test as dmd and as dm-net."""

    def __init__(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {"DMD_PARENT": str(os.getpid()), "DMD_LOG": "debug stderr"}
        if "ASAN_OPTIONS" in os.environ or "asan" in str(BUILD):
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        if IS_ROOT:
            import pwd
            user = pwd.getpwnam("_dmres")
            env.update(DMD_UID=str(user.pw_uid), DMD_GID=str(user.pw_gid))
        # the child's is 3 already, or is moved there
        self.pid = os.posix_spawn(
            BUILD / "dmd", ["dmd[resolver]", "--role=resolver"], env,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)]
            if theirs.fileno() != 3 else [])
        theirs.close()
        self.dmd = wire.Channel(ours, 0)

    def link(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.dmd.send("link", 1, fd=theirs.fileno())
        theirs.close()
        net = wire.Channel(ours, 1)
        assert net.hello() == 3
        return net

    def end(self):
        self.dmd.sock.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture
def resolver(users):
    r = Resolver()
    assert r.dmd.hello() == 3
    assert r.dmd.recv()[0] == "ready"
    yield r
    with contextlib.suppress(ChildProcessError):
        assert r.end() == 0


def addresses(raw):
    out = []
    for at in range(0, len(raw), 17):
        family, data = raw[at], raw[at + 1:at + 17]
        out.append(socket.inet_ntop(socket.AF_INET, data[:4]) if family == 4
                   else socket.inet_ntop(socket.AF_INET6, data))
    return out


@needs_localhost
def test_resolver_answers_from_the_hosts_file(resolver):
    net = resolver.link()
    net.send("resolve", 7, "localhost", 4)
    name, (number, error, raw) = net.recv()
    assert (name, number, error) == ("resolved", 7, "")
    assert addresses(raw) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["", "-rf", "a b", "x" * 64 + "\n", "a/b",
                                  "..", "localhost\u00e9"])
def test_resolver_refuses_what_is_no_name(resolver, host):
    net = resolver.link()
    net.send("resolve", 1, host, 0)
    assert net.recv()[1][1] == "not a host name"


def test_resolver_unknown_name_is_an_error(resolver):
    net = resolver.link()
    net.send("resolve", 1, "no-such-host.invalid", 0)
    net.sock.settimeout(60)
    assert net.recv()[1][1] != ""


def test_resolver_bound_on_outstanding_look_ups(resolver):
    net = resolver.link()
    for number in range(400):
        net.send("resolve", number, "127.0.0.1", 4)
    answers = [net.recv()[1] for _ in range(400)]
    assert sorted(a[0] for a in answers) == list(range(400))
    assert {a[1] for a in answers} <= {"", "too many look-ups at once"}


def test_resolver_reports_a_sibling_that_breaks_the_rules(resolver):
    net = resolver.link()
    net.sock.send(b"\xc1")
    name, (role, reason) = resolver.dmd.recv()
    assert (name, role) == ("violated", 1) and reason
    # and serves the next one
    net = resolver.link()
    net.send("resolve", 1, "127.0.0.1", 4)
    assert net.recv()[1][1] == ""


def test_resolver_ends_with_its_parent_and_by_message(users):
    r = Resolver()
    r.dmd.hello()
    assert r.end() == 0
    r = Resolver()
    r.dmd.hello()
    r.dmd.send("stop")
    assert os.waitstatus_to_exitcode(os.waitpid(r.pid, 0)[1]) == 0


def test_resolver_is_not_started_by_hand():
    out = dmd("--role=resolver")
    assert out.returncode == 64 and "only dmd starts" in out.stderr


# --- what is installed with it --------------------------------------------------------------------

UNIT = wire.ROOT / "dist" / "systemd" / "dmd.service.in"


@needs_root
def test_the_units_capabilities_are_enough(parent):
    """Twice: at the second start the directories have their owners."""
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv(1)")
    caps = re.search(r"^CapabilityBoundingSet=(.*)", UNIT.read_text(),
                     re.M).group(1).lower().replace("cap_", "").split()
    command = parent.command
    parent.command = lambda *a: [
        "setpriv", "--bounding-set", ",".join(["-all"] + [
            "+" + c for c in caps]), "--inh-caps", "-all", *command(*a)]
    # the way to the test's directories takes no right either
    for path in parent.base.parents:
        if path != pathlib.Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    for _ in range(2):
        parent.start()
        assert parent.ask("id_rotate").verdict == "ok"
        parent.signal_child("dm_net", signal.SIGKILL)
        parent.wait_log("dm-net .* was ended by signal 9")
        parent.wait_ready()
        assert parent.stop() == 0


def test_unit_is_sound():
    text = UNIT.read_text()
    assert "Type=notify" in text and "Group=data-mesher" in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    with tempfile.TemporaryDirectory() as place:
        unit = pathlib.Path(place) / "dmd.service"
        unit.write_text(text.replace("@sbindir@", "/usr/sbin").replace(
            "@bindir@", "/usr/bin").replace(
            "@sysconfdir@", "/etc"))
        out = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager",
             unit], capture_output=True, text=True)
    score = re.search(r"exposure level for dmd.service: ([\d.]+)", out.stdout)
    if score is None:
        pytest.skip("systemd-analyze security --offline does not work here")
    assert float(score.group(1)) <= 2.6


def test_unit_tells_of_a_bad_configuration():
    """Once, and never a loop of starts: systemd asks
    RestartPreventExitStatus= of ExecStart= only. A reload waits for what
    becomes of it, which a signal does not."""
    lines = dict(line.split("=", 1) for line in UNIT.read_text().splitlines()
                 if re.match(r"\w+=", line))
    assert "78" in lines["RestartPreventExitStatus"].split()
    assert not any(key.startswith("ExecStartPre") for key in lines)
    assert lines["ExecReload"] == "@bindir@/dmctl reload"


def test_example_configuration_is_good():
    assert dmd("-n", "-f", wire.ROOT / "dist" / "dm.toml").returncode == 0
