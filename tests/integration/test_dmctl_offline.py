# SPDX-License-Identifier: ISC
"""dmctl where no daemon is: keys, signing, help, exit codes."""
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import struct
import subprocess
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build")).resolve()
DMCTL = BUILD / "dmctl"
needs_openssh = pytest.mark.skipif(
    not shutil.which("ssh-keygen") or not shutil.which("ssh-agent"),
    reason="OpenSSH is missing")


@pytest.fixture
def run(tmp_path):
    def call(*arguments, code=0, program=DMCTL, env=None, **kwargs):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        environment.update(env or {})
        result = subprocess.run(
            [str(program), *map(str, arguments)], cwd=tmp_path,
            env=environment, capture_output=True, timeout=60, **kwargs)
        assert result.returncode == code, (
            arguments, result.stdout, result.stderr)
        return result
    return call


@pytest.fixture
def key(run, tmp_path):
    run("generate", "keypair")
    return tmp_path / "key.priv"


# --- keys ------------------------------------------------------------------

def test_generate_keypair_prints_as_the_original(run, tmp_path):
    result = run("generate", "keypair", program=BUILD / "data-mesher")
    assert result.stdout == (b"Public Key:  ./key.pub\n"
                             b"Private Key:  ./key.priv\n")
    assert stat.S_IMODE((tmp_path / "key.priv").stat().st_mode) == 0o600


@needs_openssh
def test_ssh_keygen_reads_the_key(run, key, tmp_path):
    theirs = subprocess.run(["ssh-keygen", "-y", "-f", key], check=True,
                            capture_output=True).stdout.split()
    ours = (tmp_path / "key.pub").read_bytes().split()
    assert ours[:2] == theirs[:2]


def test_keys_are_not_overwritten(run, key, tmp_path):
    before = key.read_bytes()
    result = run("generate", "keypair", code=73)
    assert b"--force" in result.stderr
    (tmp_path / "key.pub").unlink()
    run("generate", "keypair", code=73)
    assert key.read_bytes() == before
    assert not (tmp_path / "key.pub").exists()
    run("generate", "keypair", "--force")
    assert key.read_bytes() != before
    # the one that is half there goes with the other
    key.unlink()
    run("generate", "keypair", code=73)
    assert not key.exists()


# --- signing ---------------------------------------------------------------

def sign(run, *more, **kwargs):
    return run("sign", "a.txt", "--network", "-", "--force", *more, **kwargs)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello\n")
    return path


def test_sign_and_verify(run, key, text, tmp_path):
    assert sign(run, "--key", key).stdout == b"a.txt.signed\n"
    good = run("verify", "--bundle", "a.txt.signed", "--key", "key.pub",
               "--json")
    row, = json.loads(good.stdout)
    assert row["name"] == "a.txt" and row["size"] == 6
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z",
                        row["signed_at"])
    assert row["expires_at"] is None
    signed = bytearray((tmp_path / "a.txt.signed").read_bytes())
    for at in range(0, len(signed), 7):
        spoilt = signed.copy()
        spoilt[at] ^= 1
        (tmp_path / "spoilt").write_bytes(spoilt)
        run("verify", "--bundle", "spoilt", "--key", "key.pub", code=65)
    (tmp_path / "spoilt").write_bytes(signed + b"x")
    run("verify", "--bundle", "spoilt", "--key", "key.pub", code=65)


def test_verify_says_whose_signature_it_is(run, key, text, tmp_path):
    sign(run, "--key", key)
    run("verify", "--bundle", "a.txt.signed", code=64)
    public = (tmp_path / "key.pub").read_text().split()[1]
    run("verify", "--bundle", "a.txt.signed", "--key",
        "ssh-ed25519 " + public)
    key.unlink()
    (tmp_path / "key.pub").unlink()
    run("generate", "keypair")
    run("verify", "--bundle", "a.txt.signed", "--key", "key.pub", code=77)


def test_signers_of_a_configuration(run, key, text, tmp_path):
    public = (tmp_path / "key.pub").read_text().strip()
    sign(run, "--key", key)
    for files, code in ((f'"a.txt" = ["{public}"]', 0), ('"b" = []', 77),
                        ('"a.txt" = []', 77)):
        (tmp_path / "dm.toml").write_text(f"[files]\n{files}\n")
        run("verify", "-b", "a.txt.signed", "-f", "dm.toml", code=code)


def test_key_on_stdin_and_as_text(run, key, text):
    sign(run, "--key", "-", input=key.read_bytes())
    result = sign(run, "--key", key.read_text())
    assert b"every user" in result.stderr
    assert b"PRIVATE KEY" not in result.stderr
    run("verify", "-b", "a.txt.signed", "--key", "key.pub")


def test_key_from_a_pipe(run, key, text, tmp_path):
    """bash's <(command) is a pipe; so is one that has a name."""
    def bash(command, code=0):
        return run("-c", command, program=shutil.which("bash"), code=code)
    go = f"{DMCTL} sign a.txt --network - --force --timeout 30s --key"
    bash(f"{go} <(cat key.priv)")
    run("verify", "-b", "a.txt.signed", "--key", "key.pub")
    bash(f"{go} <(sleep 0.3; cat key.priv)")
    assert b"is not a key" in bash(f"{go} <(true)", code=65).stderr
    # a key has an end, and somebody who writes it
    assert b"is not a key" in bash(f"{go} <(cat /dev/zero)", code=65).stderr
    assert b"no key came in time" in bash(
        f"{go} <(exec sleep 20) --timeout 200ms", code=66).stderr
    os.mkfifo(tmp_path / "named", 0o600)
    assert b"no key came in time" in bash(
        f"{go} named --timeout 200ms", code=66).stderr
    bash(f"(cat key.priv >named) & {go} named; code=$?; wait; exit $code")
    run("verify", "-b", "a.txt.signed", "--key", "key.pub")
    # others may not read along
    (tmp_path / "named").chmod(0o644)
    assert b"chmod 600" in sign(run, "--key", "named", code=77).stderr
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "socket"))
        for path in ("socket", "/dev/null"):
            assert b"--key - reads" in sign(
                run, "--key", path, code=66).stderr


# RFC 8410, section 10.3
PKCS8_V2 = """-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
"""
PKCS8_V2_PUBLIC = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="


def test_pkcs8_with_the_public_key(run, text, tmp_path):
    path = tmp_path / "v2.pem"
    path.write_text(PKCS8_V2)
    path.chmod(0o600)
    sign(run, "--key", "v2.pem")
    run("verify", "-b", "a.txt.signed", "--key", PKCS8_V2_PUBLIC)
    path.write_text(PKCS8_V2.replace("uE=", "uA="))
    assert b"does not belong to the private one" in sign(
        run, "--key", "v2.pem", code=65).stderr


@needs_openssh
def test_bad_keys(run, key, text, tmp_path):
    sign(run, code=64)
    sign(run, "--key", "nowhere", code=66)
    sign(run, "--key", "a.txt", code=77)
    text.chmod(0o600)
    sign(run, "--key", "a.txt", code=65)
    key.chmod(0o640)
    assert b"chmod 600" in sign(run, "--key", key, code=77).stderr
    for name, more in (("locked", ["-t", "ed25519", "-N", "secret"]),
                       ("rsa", ["-t", "rsa", "-N", ""])):
        subprocess.run(["ssh-keygen", "-q", *more, "-f", tmp_path / name],
                       check=True)
    assert b"ssh-agent" in sign(run, "--key", "locked", code=65).stderr
    assert b"ed25519" in sign(run, "--key", "rsa", code=65).stderr


@pytest.fixture
def agent(tmp_path):
    path = tmp_path / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path],
                               stdout=subprocess.DEVNULL)
    env = {"SSH_AUTH_SOCK": str(path)}

    def add(name, *more):
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", name, *more,
                        "-f", tmp_path / name], check=True)
        for _ in range(500):
            if path.exists():
                break
            threading.Event().wait(0.01)
        subprocess.run(["ssh-add", "-q", tmp_path / name], check=True,
                       env={**os.environ, **env}, capture_output=True)
    yield add, env
    process.terminate()
    process.wait()


@needs_openssh
def test_agent(run, agent, text, tmp_path):
    add, env = agent
    add("rsa", "-t", "rsa")
    assert b"ssh-add" in sign(run, "--agent", env=env, code=69).stderr
    add("one", "-t", "ed25519")
    (tmp_path / "one").unlink()     # only the agent has it now
    sign(run, "--agent", env=env)
    run("verify", "-b", "a.txt.signed", "--key", "one.pub")
    add("two", "-t", "ed25519")
    several = sign(run, "--agent", env=env, code=64).stderr
    assert b"one" in several and b"two" in several
    sign(run, "--agent", "--key", "two.pub", env=env)
    run("verify", "-b", "a.txt.signed", "--key", "two.pub")
    sign(run, "--key", "one.pub", env=env)
    run("verify", "-b", "a.txt.signed", "--key", "one.pub")
    sign(run, "--agent", code=69)
    sign(run, "--agent", env={"SSH_AUTH_SOCK": "/nowhere"}, code=69)


@needs_openssh
def test_ssh_keygen_verifies_what_was_signed(run, key, text, tmp_path):
    """The signed text is rebuilt here, by hand."""
    sign(run, "--key", key)
    signed = (tmp_path / "a.txt.signed").read_bytes()
    length = struct.unpack(">H", signed[8:10])[0]
    signature = signed[10 + length - 64:10 + length]
    row, = json.loads(run("verify", "-b", "a.txt.signed", "--key", "key.pub",
                          "--json").stdout)
    at = subprocess.run(["date", "-u", "-d", row["signed_at"], "+%s.%N"],
                        check=True, capture_output=True,
                        text=True).stdout.strip()
    (tmp_path / "text").write_text(
        "data-mesher 1\nkind: file\nnetwork: -\nname: a.txt\n"
        f"signed-at: {at}\nvalid-for: 0\nsize: 6\n"
        f"sha256: {row['sha256']}\n")

    def ssh_string(data):
        return struct.pack(">I", len(data)) + data

    import base64
    public = base64.b64decode((tmp_path / "key.pub").read_text().split()[1])
    blob = (b"SSHSIG" + struct.pack(">I", 1) + ssh_string(public) +
            ssh_string(b"file@data-mesher") + ssh_string(b"") +
            ssh_string(b"sha512") +
            ssh_string(ssh_string(b"ssh-ed25519") + ssh_string(signature)))
    (tmp_path / "sig").write_bytes(
        b"-----BEGIN SSH SIGNATURE-----\n" + base64.encodebytes(blob) +
        b"-----END SSH SIGNATURE-----\n")
    (tmp_path / "allowed").write_text(
        "me " + (tmp_path / "key.pub").read_text())
    subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "me", "-n",
         "file@data-mesher", "-s", "sig"], cwd=tmp_path, check=True,
        stdin=open(tmp_path / "text"), capture_output=True)


# --- the command line -------------------------------------------------------

def commands(run):
    out = run("--help").stdout.decode()
    found = re.findall(r"^  ([a-z]+(?: [a-z]+)?) ", out, re.M)
    assert "upload" in found and "file update" in found
    return found


def test_help_of_every_command(run):
    for command in commands(run):
        for flag in ("-h", "--help"):
            result = run(*command.split(), flag)
            out = result.stdout.decode()
            assert result.stderr == b""
            assert out.startswith(f"usage: dmctl {command}")
            assert f"\nexample: dmctl {command}" in out
            for option in ("--socket", "--config", "--json", "--no-header"):
                assert option in out


def test_usage_errors(run):
    for line in ("", "nonsense", "file", "file nonsense", "upload",
                 "upload a --key k --rotate", "get", "get a b",
                 "status --url http://x", "--nonsense", "list -o",
                 "upload a b --name c --key k", "log loud",
                 "upload a --key k --url localhost:7331",
                 "upload a --key k --url https://localhost",
                 "sign - --key k --network -"):
        result = run(*line.split(), code=64)
        assert result.stdout == b"", line
        assert result.stderr.strip(), line
    assert b"file update" in run("file", code=64).stderr
    assert run("--version").stdout.startswith(b"dmctl ")


def test_bad_names(run, key, text):
    for name in (".hidden", "../up", "a//b", "/a", "a/", "x" * 256):
        run("get", name, code=65)
        sign(run, "--key", key, "--name", name, code=65)


def test_missing_files(run, key, text, tmp_path):
    run("sign", "nowhere", "--network", "-", "--key", key, code=66)
    run("sign", tmp_path, "--network", "-", "--key", key, "--name", "d",
        code=66)
    run("submit", "nowhere", "--timeout", "0", code=66)
    run("list", "-f", "nowhere", code=66)
    (tmp_path / "bad.toml").write_text("log_level = 1\nnonsense = 2\n")
    result = run("list", "-f", "bad.toml", code=78)
    assert b"bad.toml:1" in result.stderr and b"bad.toml:2" in result.stderr


def test_no_daemon(run, key, text, tmp_path):
    url = "http://127.0.0.1:1"
    for line in ("list", "show a", "get a", "peers", "status", "id",
                 "reload", "log info", "stop", "verify a",
                 "upload a.txt --timeout 0 --key key.priv",
                 "upload a.txt --timeout 0 --key key.priv --network -",
                 "delete a.txt --timeout 0 --key key.priv"):
        result = run(*line.split(), "-s", tmp_path / "none.sock", code=69)
        assert b"none.sock" in result.stderr, line
    for line in ("get a", "upload a.txt --timeout 0 --key key.priv"):
        result = run(*line.split(), "--url", url, code=69)
        assert b"127.0.0.1:1" in result.stderr


def test_socket_of_the_configuration(run, tmp_path):
    (tmp_path / "dm.toml").write_text('control_socket = "/nowhere/c.sock"\n')
    assert b"/nowhere/c.sock" in run("list", "-f", "dm.toml", code=69).stderr
    assert b"other.sock" in run("list", "-f", "dm.toml", "-s", "other.sock",
                                code=69).stderr


def test_messages_are_escaped(run):
    result = run("get", "\x1b[31m", code=65)
    assert b"\x1b" not in result.stderr


# --- a daemon that is none ----------------------------------------------------

class Server:
    """Answers each connection over TCP with the next of some bytes."""

    def __init__(self, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.requests = []
        self.thread = threading.Thread(target=self.serve, args=(answers,),
                                       daemon=True)
        self.thread.start()

    def serve(self, answers):
        for answer in answers:
            client, _ = self.listener.accept()
            with client:
                client.settimeout(10)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += client.recv(65536)
                head, body = data.split(b"\r\n\r\n", 1)
                length = re.search(rb"Content-Length: (\d+)", head)
                want = int(length[1]) if length else 0
                if b"100-continue" not in head:
                    while len(body) < want:
                        body += client.recv(65536)
                self.requests.append((head, body))
                client.sendall(answer)


def http(status, document):
    body = json.dumps(document).encode()
    return (b"HTTP/1.1 %d x\r\nContent-Length: %d\r\nConnection: close\r\n"
            b"\r\n%s" % (status, len(body), body))


def upload(run, server, *more, **kwargs):
    return run("upload", "a.txt", "--key", "key.priv", "--network", "-",
               "--url", server.url, *more, **kwargs)


def test_answers_of_strangers(run, key, text):
    for answer in (b"SSH-2.0-x\r\n\r\n\r\n", http(200, {"code": "nonsense"}),
                   http(200, {"code": "unknown-signer"}),
                   http(403, {"code": "created"}), http(404, []),
                   b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 4000):
        upload(run, Server(answer), "--timeout", "0", code=76)


def test_codes_of_refusals(run, key, text):
    for status, code, exit_code in ((403, "unknown-signer", 77),
                                    (422, "bad-signature", 65),
                                    (507, "no-space", 75)):
        answer = http(status, {"code": code, "detail": "so\x1b it is"})
        result = upload(run, Server(answer), code=exit_code)
        assert b"a.txt: so\\x1b it is" in result.stderr


def test_tries_again_while_the_store_restarts(run, key, text):
    busy = http(503, {"code": "store-restarting", "detail": "wait"})
    server = Server(busy, busy, http(201, {"code": "created"}))
    assert upload(run, server).stdout == b"a.txt: stored as a new file\n"
    assert len({head for head, _ in server.requests}) == 1
    upload(run, Server(busy), "--timeout", "0", code=75)


def signed_at(request):
    s, ns = re.search(rb"X-Signedat: (\d+)\.(\d{9})", request[0]).groups()
    return int(s) * 10**9 + int(ns)



def conflict(ns):
    at = subprocess.run(
        ["date", "-u", "-d", f"@{ns // 10**9}", "+%Y-%m-%dT%H:%M:%S"],
        check=True, capture_output=True, text=True).stdout.strip()
    return http(409, {"code": "not-newer", "detail": "older",
                      "held_signed_at": f"{at}.{ns % 10**9:09d}Z"})


def test_a_slow_clock_signs_just_after_what_is_held(run, key, text):
    import time
    ahead = time.time_ns() + 100 * 10**9
    server = Server(conflict(ahead), http(200, {"code": "replaced"}))
    upload(run, server)
    assert [signed_at(r) == ahead + 1 for r in server.requests] == [
        False, True]
    # once, and not where dmd would take it for the future
    upload(run, Server(conflict(ahead), conflict(ahead + 9)), code=75)
    upload(run, Server(conflict(ahead + 10**12)), code=75)


def test_an_early_refusal_ends_a_large_upload(run, key, text):
    text.write_bytes(b"x" * (8 << 20))
    server = Server(http(403, {"code": "unknown-file", "detail": "no"}))
    upload(run, server, code=77)
    assert b"Expect: 100-continue" in server.requests[0][0]
    assert server.requests[0][1] == b""


def test_request_as_documented(run, key, text):
    server = Server(http(201, {"code": "created"}))
    upload(run, server, "--valid-for", "1h", "--name", "x/a.txt")
    head, body = server.requests[0]
    assert head.startswith(b"PUT /files/x/a.txt HTTP/1.1\r\n")
    assert body == b"hello\n"
    for field in (rb"X-Signedby: [A-Za-z0-9+/]{43}=",
                  rb"X-Signature: [A-Za-z0-9+/]{86}==",
                  rb"X-Validfor: 3600", rb"X-Sha256: [0-9a-f]{64}",
                  rb"Host: 127\.0\.0\.1:\d+", rb"Content-Length: 6"):
        assert re.search(rb"\r\n" + field + rb"(\r\n|$)", head), field
