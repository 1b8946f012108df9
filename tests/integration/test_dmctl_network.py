# SPDX-License-Identifier: ISC
"""For which network dmctl signs: whoever answers over HTTP does not say."""
import http.server
import json
import os
import stat
import subprocess
import threading

import pytest

from conftest import BUILD, IS_ROOT

NETWORK = "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk="
OTHER = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
KEY = ("--key", "key.priv")


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    (path / "a.txt").write_bytes(b"hello\n")
    subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=path,
                   check=True, capture_output=True)
    return path


@pytest.fixture
def run(home):
    """dmctl in a home of its own, without an installed dm.toml. Its stderr."""
    def call(*arguments, code=0, env=None):
        result = subprocess.run(
            [BUILD / "dmctl", *map(str, arguments)], cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **(env or {})},
            capture_output=True, text=True, timeout=90)
        assert result.returncode == code, (arguments, result)
        return result.stderr
    return call


@pytest.fixture
def server():
    """Says that its network is server.network, and keeps what is sent to it."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, status, document):
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.server.asked.append(self.path)
            self.answer(200, {"network": self.server.network})

        def do_PUT(self):
            self.server.sent.append(dict(self.headers))
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.answer(201, {"code": "created"})

        do_DELETE = do_PUT

        def log_message(self, *_):
            pass

    one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.network, one.asked, one.sent = NETWORK, [], []
    one.url = "http://127.0.0.1:%d" % one.server_address[1]
    threading.Thread(target=one.serve_forever, daemon=True).start()
    yield one
    one.shutdown()
    one.server_close()


def remembered(home):
    return home / ".local/state/dmd/networks"


@pytest.mark.parametrize("command", ["upload a.txt", "delete a.txt",
                                     "file update a.txt"])
def test_the_word_of_a_server_names_no_network(run, home, server, command):
    """It gets no signature, and the user learns which option to give."""
    said = run(*command.split(), *KEY, "--url", server.url, code=64)
    assert f"--network {NETWORK}" in said and server.url in said
    assert server.sent == []
    assert not remembered(home).exists()


def test_nor_does_it_name_a_file_here(run, home, server):
    """What a server says is a key, or nothing."""
    server.network = "key.pub"
    said = run("upload", "a.txt", *KEY, "--url", server.url, code=69)
    assert "--network KEY" in said
    assert server.sent == []


def test_no_network_is_taken_and_said(run, home, server):
    server.network = None
    said = run("upload", "a.txt", *KEY, "--url", server.url)
    assert "signing for no network, on the word of " + server.url in said
    assert len(server.sent) == 1
    # it was the server that said so: nothing to remember
    assert not remembered(home).exists()


def test_a_network_that_was_given_is_remembered(run, home, server):
    run("upload", "a.txt", *KEY, "--url", server.url, "--network", NETWORK)
    path = remembered(home)
    assert path.read_text() == f"{server.url} {NETWORK}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["networks"]
    # whatever the server says from now on, it is not asked
    server.network = OTHER
    assert run("upload", "a.txt", *KEY, "--url", server.url + "/") == ""
    assert server.asked == [] and len(server.sent) == 2
    # another port is another server
    run("upload", "a.txt", *KEY, "--url", "http://127.0.0.1:1",
        "--timeout", "0", code=69)
    # and the user may change their mind
    run("upload", "a.txt", *KEY, "--url", server.url, "--network", "-")
    assert path.read_text() == f"{server.url} -\n"
    assert run("upload", "a.txt", *KEY, "--url", server.url) == ""


def test_the_configuration_names_it(run, home, server):
    (home / "dm.toml").write_text(f'[network]\nkey = "{OTHER}"\n')
    run("upload", "a.txt", *KEY, "--url", server.url, "-f", "dm.toml")
    assert server.asked == [] and len(server.sent) == 1


def test_where_it_is_remembered(run, home, server, tmp_path):
    state = tmp_path / "state" / "deep"
    for env in ({"XDG_STATE_HOME": str(state)},
                {"XDG_STATE_HOME": "relative"}):
        run("upload", "a.txt", *KEY, "--url", server.url,
            "--network", NETWORK, env=env)
    assert (state / "dmd/networks").exists()
    assert remembered(home).exists() and not (home / "relative").exists()
    # without a home nothing is remembered, and nothing fails
    assert run("upload", "a.txt", *KEY, "--url", server.url,
               "--network", NETWORK, env={"HOME": ""}) == ""


def test_a_file_that_is_wrong_or_foreign_is_not_used(run, home, server):
    path = remembered(home)
    path.parent.mkdir(parents=True)
    upload = ("upload", "a.txt", *KEY, "--url", server.url)
    path.write_text(f"{server.url} {NETWORK}\nnonsense\n")
    path.chmod(0o600)
    assert "networks: line 2 is not" in run(*upload, code=65)
    # nor is it lost
    said = run(*upload, "--network", NETWORK)
    assert "is not remembered" in said
    assert "nonsense" in path.read_text()
    path.write_text(f"{server.url} {NETWORK}\n")
    path.chmod(0o622)
    assert "other users may write it" in run(*upload, code=77)
    if IS_ROOT:
        path.chmod(0o600)
        os.chown(path, 12345, -1)
        assert "other users may write it" in run(*upload, code=77)
        os.chown(path, 0, -1)
    path.write_bytes(b"x" * (1 << 20))
    path.chmod(0o600)
    assert "too large" in run(*upload, code=66)


def test_a_node_of_a_network(make_node, run, home):
    """The whole way: refused, confirmed once, and fine from then on."""
    key = (home / "key.pub").read_text().strip()
    node = make_node(files={"a.txt": [key]}, network={"key": NETWORK}).start()
    upload = ("upload", "a.txt", *KEY, "--url", node.url(""))
    said = run(*upload, code=64)
    flag = said.split("give ")[1].split(" once")[0].split()
    assert flag == ["--network", NETWORK]
    run(*upload, *flag)
    run(*upload)
    run("verify", "a.txt", "--key", "key.pub", "--url", node.url(""))
    run("delete", "a.txt", *KEY, "--url", node.url(""))
