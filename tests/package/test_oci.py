# SPDX-License-Identifier: ISC
"""`make oci-check`: what is in the image that `make oci` made, and dmd in it as
podman runs it, and as root of a user namespace without a container's tools.
DMD_IMAGE and DMD_IMAGE_AGAIN name the directories of two builds."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMD_BUILD", ROOT / "build")).resolve()
PATIENCE = 30
USERS = {"data-mesher": 800, "_dmnet": 801, "_dmstore": 802, "_dmres": 803}
PROGRAMS = {"usr/sbin/dmd", "usr/libexec/dmd/dm-net",
            "usr/libexec/dmd/dm-store", "usr/bin/dmctl"}
LEAST = "--cap-add=CHOWN,KILL,SETGID,SETPCAP,SETUID,SYS_CHROOT"


def image_in(variable):
    place = os.environ.get(variable)
    if not place:
        pytest.skip(f"{variable} names no build: make oci-check does")
    (found,) = pathlib.Path(place).glob("*.oci.tar")
    return found


@pytest.fixture(scope="module")
def image():
    return image_in("DMD_IMAGE")


def blob(layout, descriptor):
    return layout.extractfile("blobs/" + descriptor["digest"]
                              .replace(":", "/"))


@pytest.fixture(scope="module")
def layer(image, tmp_path_factory):
    """The tar of the image's one layer."""
    path = tmp_path_factory.mktemp("layer") / "layer.tar"
    with tarfile.open(image) as layout:
        index = json.load(layout.extractfile("index.json"))
        manifest = json.load(blob(layout, index["manifests"][0]))
        (only,) = manifest["layers"]
        with open(path, "wb") as out:
            shutil.copyfileobj(blob(layout, only), out)
    return path


# --- the bytes ---------------------------------------------------------------

def test_another_build_is_the_same_bytes(image):
    again = image_in("DMD_IMAGE_AGAIN")
    assert image.name == again.name
    assert image.read_bytes() == again.read_bytes()


def test_there_is_no_other_program(layer):
    """No shell: who gets in finds nothing to run."""
    with tarfile.open(layer) as tar:
        programs = {m.name for m in tar if m.isfile() and m.mode & 0o111}
    assert PROGRAMS <= programs
    rest = {p for p in programs - PROGRAMS
            if not p.startswith("usr/lib/") or
            not (".so" in p or "/ld-" in p)}
    assert not rest, rest
    assert len(programs) < 20, programs


def test_users_and_owners_have_the_numbers_of_the_manual(layer):
    manual = (ROOT / "man/dmd.8").read_text()
    with tarfile.open(layer) as tar:
        state = tar.getmember("var/lib/data-mesher")
        groups = tar.extractfile("etc/group").read().decode()
        passwd = tar.extractfile("etc/passwd").read().decode()
        others = [m.name for m in tar
                  if (m.uid, m.gid) != (0, 0) and m.name != state.name]
    assert (state.uid, state.gid, state.mode) == \
        (0, USERS["data-mesher"], 0o750)
    assert not others
    for name, number in USERS.items():
        assert f"{name}:x:{number}:" in groups
        assert str(number) in manual, (name, number)
        if name != "data-mesher":
            assert f"{name}:x:{number}:{number}:" in passwd


def test_each_package_brings_its_licence_and_its_version(layer):
    with tarfile.open(layer) as tar:
        names = tar.getnames()
        entries = [n for n in names if n.startswith("var/lib/dpkg/status.d/")]
        for entry in entries:
            assert b"\nVersion: " in tar.extractfile(entry).read()
    packages = {n.rsplit("/", 1)[1] for n in entries}
    assert {"dmd", "dmctl", "libc6", "base-files"} <= packages
    for package in packages:
        assert f"usr/share/doc/{package}/copyright" in names


@pytest.mark.parametrize("command", [
    ["skopeo", "inspect", "oci-archive:{image}"],
    ["skopeo", "inspect", "docker-archive:{image}"],
    ["umoci", "unpack", "--rootless", "--image", "{layout}:{tag}", "{out}"]])
def test_other_tools_read_it(image, command, tmp_path):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is missing")
    with tarfile.open(image) as tar:
        tar.extractall(tmp_path / "layout")
        (named,) = json.load(tar.extractfile("manifest.json"))
    words = [w.format(image=image, layout=tmp_path / "layout",
                      tag=named["RepoTags"][0], out=tmp_path / "out")
             for w in command]
    if command[0] == "umoci":  # takes no colon in a tag
        index = tmp_path / "layout/index.json"
        index.write_text(index.read_text().replace(named["RepoTags"][0], "t"))
        words[-2] = f"{tmp_path / 'layout'}:t"
    subprocess.run(words, check=True, capture_output=True)
    if command[0] == "umoci":
        assert (tmp_path / "out/rootfs/usr/sbin/dmd").exists()


# --- podman --------------------------------------------------------------------

#: podman would raise its own, for which there may be no right here
LIMITS = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]


def run_by(podman, image):
    """podman with a runtime that works here, and the image loaded; or a skip."""
    loaded = subprocess.run([*podman, "load", "-q", "-i", image],
                            capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    name = loaded.stdout.split()[-1]
    for runtime in filter(shutil.which, ("crun", "runc")):
        tried = subprocess.run(
            [*podman, "--runtime", runtime, "run", "--rm", "--network=none",
             *LIMITS, name, "--version"], capture_output=True, text=True)
        if tried.returncode == 0:
            assert tried.stdout.startswith("dmd ")
            return [*podman, "--runtime", runtime], name
    pytest.skip(f"podman runs no container here: {tried.stderr.strip()}")


@pytest.fixture(scope="module")
def podman(image):
    """podman's command line up to its verb, with images and volumes of its own,
    and the image's name there."""
    if not shutil.which("podman"):
        pytest.skip("podman is missing")
    with tempfile.TemporaryDirectory(prefix="dmd-podman.") as place:
        command = ["podman", f"--root={place}/root", f"--runroot={place}/run"]
        try:
            yield run_by(command, image)
        finally:
            for words in (["rm", "-fa"], ["volume", "rm", "-fa"],
                          ["rmi", "-fa"]):
                subprocess.run([*command, *words], capture_output=True)
            subprocess.run(["umount", f"{place}/root/overlay"],
                           capture_output=True)


def ask(what, deadline=PATIENCE):
    """Polls until what() does not raise CalledProcessError."""
    end = time.monotonic() + deadline
    while True:
        try:
            return what()
        except subprocess.CalledProcessError as e:
            if time.monotonic() > end:
                raise AssertionError(e.stderr) from e
        time.sleep(0.1)


class Container:
    def __init__(self, podman, place, options):
        self.podman, self.image = podman
        self.name = f"dmd-check-{os.getpid()}-{place.name}"
        self.volume = self.name
        self.options = [f"--volume={place}/etc:/etc/data-mesher:ro",
                        f"--volume={self.volume}:/var/lib/data-mesher",
                        "--network=none", *LIMITS, *options]

    def call(self, *words):
        return subprocess.run([*self.podman, *words], check=True,
                              capture_output=True).stdout

    def start(self):
        self.call("run", "-d", f"--name={self.name}", *self.options,
                  self.image)
        return ask(self.status)

    def dmctl(self, *words):
        return self.call("exec", self.name, "dmctl", *words)

    def status(self):
        return json.loads(self.dmctl("status", "--json"))

    def stop(self):
        """Returns the exit code of dmd."""
        self.call("stop", "-t", str(PATIENCE), self.name)
        code = int(self.call("inspect", "-f", "{{.State.ExitCode}}",
                             self.name))
        self.call("rm", self.name)
        return code

    def remove(self):
        for words in (["rm", "-f", self.name], ["volume", "rm", self.volume]):
            subprocess.run([*self.podman, *words], capture_output=True)


@pytest.fixture
def place(tmp_path):
    """etc/ with a dm.toml, and with a signer's key and a file to upload."""
    etc = tmp_path / "etc"
    etc.mkdir()
    subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=etc,
                   check=True, capture_output=True)
    (etc / "dm.toml").write_text(
        f'[files]\n"a" = [ "{(etc / "key.pub").read_text().strip()}" ]\n')
    (etc / "a").write_text("content\n")
    return tmp_path


@contextlib.contextmanager
def container(podman, place, *options):
    it = Container(podman, place, options)
    try:
        yield it
    finally:
        it.remove()


#: root of the user namespace, outside
MAPPED_ROOT = 200000
WAYS = {
    "as podman does it": [],
    "with the fewest rights": [
        "--cap-drop=ALL", LEAST, "--security-opt=no-new-privileges",
        "--read-only", "--read-only-tmpfs=false", "--tmpfs=/run"],
    "in a user namespace": [f"--uidmap=0:{MAPPED_ROOT}:65536",
                            f"--gidmap=0:{MAPPED_ROOT}:65536"],
}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to map users")
@pytest.mark.parametrize("way", WAYS)
def test_a_node_in_podman(podman, place, way):
    """It serves with all layers of its sandbox, stops in order, and a new
    container has what the volume has."""
    if "namespace" in way:
        for path in (place / "etc").iterdir():
            os.chown(path, MAPPED_ROOT, MAPPED_ROOT)
    with container(podman, place, *WAYS[way]) as node:
        status = node.start()
        assert status["pid"] == 1
        assert status["user"] == "root"
        for child in ("dm_net", "dm_store"):
            layers = status[f"{child}_sandbox"].split()
            assert {"seccomp", "no-new-privs", "chroot", "user",
                    "capabilities"} <= set(layers), layers
        node.dmctl("upload", "/etc/data-mesher/a", "--key",
                   "/etc/data-mesher/key.priv")
        identity = node.dmctl("id", "--json")
        assert node.stop() == 0
        node.start()
        assert node.dmctl("id", "--json") == identity
        assert node.dmctl("get", "a") == b"content\n"
        assert node.stop() == 0


@pytest.mark.parametrize("without", [
    "CHOWN", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"])
def test_no_right_is_named_that_is_not_needed(podman, place, without):
    """The manual's list is the least: without one of them nothing starts."""
    rest = LEAST.split("=")[1].split(",")
    rest.remove(without)
    with container(podman, place, "--cap-drop=ALL",
                   f"--cap-add={','.join(rest)}") as node:
        node.call("run", "-d", f"--name={node.name}", *node.options,
                  node.image)
        assert int(node.call("wait", node.name)) != 0


def test_it_does_not_start_without_a_configuration(podman):
    """Its ports would be open to whoever reaches them."""
    command, name = podman
    run = subprocess.run([*command, "run", "--rm", "--network=none", *LIMITS,
                          f"--timeout={PATIENCE}", name],
                         capture_output=True, text=True)
    assert run.returncode == 78, run.stderr
    assert "/etc/data-mesher/dm.toml" in run.stderr


# --- without the tools of containers ---------------------------------------------

def test_root_of_a_user_namespace(layer, place):
    """unshare -r: the image unpacked by a user, who is its only one."""
    if subprocess.run(["unshare", "-rmpf", "true"]).returncode != 0:
        pytest.skip("user namespaces cannot be made here")
    tree = place / "tree"
    tree.mkdir()
    subprocess.run(["tar", "-xf", layer, "-C", tree, "--no-same-owner"],
                   check=True)
    shutil.copytree(place / "etc", tree / "etc/data-mesher",
                    dirs_exist_ok=True)
    with open(place / "log", "wb") as log:
        node = subprocess.Popen(
            ["unshare", "-rmnpf", "--kill-child", "sh", "-c",
             'ip link set lo up; mount --rbind /dev "$1/dev" && '
             'mount -t proc proc "$1/proc" && '
             'exec chroot "$1" /usr/sbin/dmd -d', "sh", tree],
            stderr=log)

    def dmctl(*words):
        return subprocess.run(
            ["unshare", "-r", BUILD / "dmctl", "-s",
             tree / "run/dmd/control.sock", *words], cwd=place / "etc",
            check=True, capture_output=True).stdout
    try:
        ask(lambda: dmctl("id"))
        dmctl("upload", "a", "--key", "key.priv")
        assert dmctl("get", "a") == b"content\n"
        dmctl("stop")
        assert node.wait(PATIENCE) == 0
    finally:
        node.kill()
        node.wait()
    assert "root is the only user" in (place / "log").read_text()
