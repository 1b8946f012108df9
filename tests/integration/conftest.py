# SPDX-License-Identifier: ISC
"""Nodes for the tests of whole processes. DMD_BUILD says which build to run.

    def test_x(node):               # one node, not started
        node.start()
        assert node.ask("status_dmd").value("ready") == 1

    def test_y(make_node):          # as many as one likes
        a, b = make_node(), make_node(files={"a": [key]})

As root the nodes run with users of their own (made by the tests if they are
missing); without root everything runs as the caller."""

import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import pytest

import topology
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build")).resolve()
IS_ROOT = os.geteuid() == 0
IS_ASAN = "asan" in str(BUILD)
if IS_ASAN:
    # leaks are looked for by the unit tests; tools here end as they are
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
# dmctl remembers the networks of URLs there; ports come again
STATE_HOME = tempfile.TemporaryDirectory(prefix="dmctl-state-")
os.environ["XDG_STATE_HOME"] = STATE_HOME.name
#: seconds that anything may take; a sanitizer build is slow
PATIENCE = 60 if IS_ASAN else 20
USERS = ("_dmnet", "_dmstore", "_dmres")
GROUP = "data-mesher"


def eventually(what, timeout=PATIENCE, message="did not happen"):
    """Waits until what() is true and returns it."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(message)
        time.sleep(0.02)


def answers_at_once(ask):
    """ask() takes less than a second, or does so soon: a node that is well
    answers at once, on a machine that lets it."""
    def is_quick():
        start = time.monotonic()
        ask()
        return time.monotonic() - start < (10 if IS_ASAN else 1)
    eventually(is_quick, message="takes more than a second, again and again")


def default_signals():
    """What runs in the background, or under nohup, may have been told to ignore
    signals, and all that it starts would ignore them, too. A handler goes on
    ignoring them here, and is not inherited: programs start with the default."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT,
                   signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Other runs of pytest take the rights away that the processes' users need
    on the way to a node: they close /tmp/pytest-of-USER for all but its owner.
    So this run has a place of its own; short, for the paths of sockets."""
    default_signals()
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="dmd.") + "/t"
        config.dmd_place = pathlib.Path(config.option.basetemp).parent


def pytest_sessionfinish(session, exitstatus):
    """What failed is left to be looked at."""
    place = getattr(session.config, "dmd_place", None)
    if exitstatus == 0 and place is not None:
        shutil.rmtree(place, ignore_errors=True)


_given = set()


def free_port():
    """Never the same twice, and none that the kernel gives to a connection."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


class Node:
    """A dmd with a temporary directory, a dm.toml and a log of its own.

    config: {"": {...}, "cluster": {...}, ...}, merged over what the node needs;
    it can be changed before start() or before write_config() and a reload.
    programs: where dmd, dm-net and dm-store lie."""

    def __init__(self, base, programs=BUILD, files=None, **config):
        self.base = pathlib.Path(base)
        self.programs = pathlib.Path(programs)
        self.state = self.base / "state"
        self.run = self.base / "run"
        self.socket = self.run / "control.sock"
        self.toml = self.base / "dm.toml"
        self.log_path = self.base / "log"
        self.process = None
        #: the machine it runs on, and what runs a command there; mesh.py
        self.host = None
        self.prefix = []
        self.p2p_port = free_port()
        self.http_port = free_port()
        self.config = {
            "": {"state_dir": self.state, "control_socket": self.socket,
                 "log_level": "debug"},
            "cluster": {"port": self.p2p_port, "interface": "127.0.0.1"},
            "http": {"port": self.http_port},
            "files": files if files is not None else {},
        }
        for section, values in config.items():
            self.config.setdefault(section or "", {}).update(values)

    # --- files -----------------------------------------------------------

    def write_config(self, text=None):
        if text is None:
            text = ""
            for section, values in self.config.items():
                if section:
                    text += f"\n[{section}]\n"
                for key, value in values.items():
                    name = toml(key) if section == "files" else key
                    text += f"{name} = {toml(value)}\n"
        self.toml.write_text(text)

    def log(self):
        return (self.log_path.read_text(errors="replace")
                if self.log_path.exists() else "")

    def wait_log(self, pattern, since=0, timeout=PATIENCE):
        """Waits for a regular expression in the log; the match."""
        try:
            return eventually(
                lambda: re.search(pattern, self.log()[since:], re.M), timeout)
        except AssertionError:
            raise AssertionError(
                f"no {pattern!r} in the log:\n{self.log()[since:]}") from None

    # --- life ------------------------------------------------------------

    def command(self, *arguments):
        return [*self.prefix, str(self.programs / "dmd"), *arguments, "-f",
                str(self.toml)]

    @staticmethod
    def environment():
        """What every program under test is started with."""
        out = {"PATH": os.environ["PATH"]}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                out[name] = os.environ[name]
        if IS_ASAN:
            # ptrace is denied, so leaks cannot be looked for
            out.setdefault("ASAN_OPTIONS", "detect_leaks=0")
        return out

    def spawn(self, *arguments, env=None):
        """Starts dmd -d without waiting for anything."""
        if not self.toml.exists():
            self.write_config()
        environment = self.environment() | (env or {})
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command("-d", *arguments), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=environment,
                start_new_session=True)
        return self.process

    def start(self, *arguments, env=None):
        """Starts dmd and waits until it serves."""
        self.spawn(*arguments, env=env)
        self.wait_ready()
        return self

    def is_ready(self):
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(
                f"dmd ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.ask("status_dmd", timeout=2).value("ready") == 1
        except (OSError, KeyError):
            return False

    def wait_ready(self, timeout=PATIENCE):
        try:
            eventually(self.is_ready, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def wait_exit(self, timeout=PATIENCE):
        """The exit status of a dmd that ends by itself."""
        return self.process.wait(timeout)

    def stop(self):
        """Ends it in order; its exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"dmd does not end:\n{self.log()}") from None

    def kill(self):
        """Power off: dmd and, since its channels close, its children."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # --- questions ---------------------------------------------------------

    def ask(self, command, *fields, timeout=10, fds=()):
        return wire.ask(self.socket, command, *fields, timeout=timeout,
                        fds=fds)

    def status(self):
        return self.ask("status_dmd").values()

    def pid(self, which):
        """Of "dm_net", "dm_store" or "resolver"; 0 if it is not running."""
        return self.status()[which + "_pid"][0]

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def peer_id(self):
        return self.ask("id").value("peer_id")

    def multiaddr(self):
        return f"/ip4/127.0.0.1/tcp/{self.p2p_port}/p2p/{self.peer_id()}"

    def signal_child(self, which, number):
        os.kill(self.pid(which), number)


def group_exists(name):
    return subprocess.run(["getent", "group", name],
                          stdout=subprocess.DEVNULL).returncode == 0


def user_exists(name):
    return subprocess.run(["getent", "passwd", name],
                          stdout=subprocess.DEVNULL).returncode == 0


def make_users():
    """The users and the group that dm.toml names by default."""
    if not IS_ROOT:
        return
    if not group_exists(GROUP):
        subprocess.run(["groupadd", "--system", GROUP], check=True)
    for user in USERS:
        if not user_exists(user):
            subprocess.run(
                ["useradd", "--system", "--no-create-home", "--user-group",
                 "--shell", "/usr/sbin/nologin", user], check=True)


@pytest.fixture(scope="session")
def users():
    make_users()


@pytest.fixture(scope="session")
def programs():
    """The build under test."""
    missing = [p for p in ("dmd", "dm-net", "dm-store")
               if not (BUILD / p).is_file()]
    if missing:
        pytest.fail(f"not built: {', '.join(missing)}")
    return BUILD


@pytest.fixture(scope="session")
def standin_programs(tmp_path_factory):
    """dmd with stand-ins for dm-net and dm-store (standin.c)."""
    place = tmp_path_factory.mktemp("standin")
    place.chmod(0o755)
    shutil.copy(BUILD / "dmd", place / "dmd")
    for name in ("dm-net", "dm-store"):
        shutil.copy(BUILD / "tests" / "integration" / "standin", place / name)
    return place


@pytest.fixture(scope="session")
def hostile_net_programs(tmp_path_factory):
    """dmd and dm-store as they are, with a dm-net that was taken over."""
    place = tmp_path_factory.mktemp("hostile_net")
    place.chmod(0o755)
    for name in ("dmd", "dm-store"):
        shutil.copy(BUILD / name, place / name)
    shutil.copy(BUILD / "tests" / "integration" / "standin", place / "dm-net")
    return place


@contextlib.contextmanager
def _nodes(tmp_path, programs):
    made = []
    # the users of the processes have to get through
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == "root" and IS_ROOT and path != pathlib.Path("/"):
            path.chmod(path.stat().st_mode | 0o011)

    def make(files=None, **config):
        base = tmp_path / f"node{len(made)}"
        base.mkdir(mode=0o755)
        node = Node(base, programs, files, **config)
        made.append(node)
        return node

    yield make
    for node in made:
        if node.process is None and node.socket.exists():
            # in the background, left by a test that failed
            with contextlib.suppress(OSError):
                node.ask("stop")
        if node.process is not None and node.process.poll() is None:
            node.process.send_signal(signal.SIGCONT)
            try:
                node.stop()
            finally:
                node.kill()


@pytest.fixture
def make_node(tmp_path, users, programs):
    """make_node(files={name: [keys]}, cluster={...}, http={...}): a Node."""
    with _nodes(tmp_path, programs) as make:
        yield make


@pytest.fixture
def node(make_node):
    return make_node()


@pytest.fixture
def make_parent(tmp_path, users, standin_programs):
    """As make_node, of dmd with stand-ins as children."""
    with _nodes(tmp_path, standin_programs) as make:
        yield make


@pytest.fixture
def parent(make_parent):
    return make_parent()


def set_clock(programs, shift_ns):
    """How far the wall clock of make_shifted's nodes is from the machine's."""
    clock = programs / "clock"
    clock.touch()
    with open(clock, "r+b") as f:
        f.write(struct.pack("=q", shift_ns))


@pytest.fixture
def make_shifted(tmp_path, users):
    """As make_node, of programs whose wall clock set_clock() sets."""
    built = [BUILD / "chaos" / p for p in ("dmd", "dm-net", "dm-store")]
    if not all(p.is_file() for p in built):
        pytest.skip("the programs with a clock to set are not built")
    programs = tmp_path / "programs"
    programs.mkdir(mode=0o755)
    for program in built:
        shutil.copy(program, programs)
    set_clock(programs, 0)
    base = tmp_path / "shifted"
    base.mkdir(mode=0o755)
    with _nodes(base, programs) as make:
        yield make


@pytest.fixture
def net():
    """Machines: network namespaces as root, loopback otherwise."""
    network = topology.Network()
    yield network
    network.close()


@pytest.fixture
def mesh(net, make_node):
    """Nodes of one mesh (mesh.py); stopped before their machines go."""
    from mesh import Mesh
    yield Mesh(make_node, net)
