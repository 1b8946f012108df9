#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes a container image of Debian packages, run by build.sh.

    image.py DIRECTORY_OF_PACKAGES OUTPUT_DIRECTORY

In the image are the programs of dmd and dmctl, the libraries that these ask
for, and no other program: no shell and no package manager. The same packages
give the same bytes, on every machine: owners, modes, times and order come from
here, and nothing is compressed, since compressors differ.

The file is an OCI image layout (opencontainers/image-spec, version 1) in a tar,
and has Docker's manifest.json, too: `podman load` and `docker load` take it.
"""
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import time

PROGRAMS = ("usr/sbin/dmd", "usr/libexec/dmd/dm-net",
            "usr/libexec/dmd/dm-store", "usr/bin/dmctl",
            "usr/bin/data-mesher")
# Which Debian this is: what looks for libraries with known faults asks.
RELEASE = ("etc/os-release", "etc/debian_version")
# The numbers are for good: volumes have them. dmd(8) names them.
IDS = {"data-mesher": 800, "_dmnet": 801, "_dmstore": 802, "_dmres": 803}
# Directory: group and mode. A volume takes them over when it is made.
DIRECTORIES = {
    "var/lib/data-mesher": ("data-mesher", 0o750),
    "run/dmd": ("root", 0o755),
    "etc/data-mesher": ("root", 0o755),
    "dev": ("root", 0o755), "proc": ("root", 0o755), "sys": ("root", 0o755),
}
# Debian's name of an architecture, where the image format has another.
ARCHITECTURES = {"armhf": ("arm", "v7"), "armel": ("arm", "v5"),
                 "i386": ("386", None), "ppc64el": ("ppc64le", None),
                 "mips64el": ("mips64le", None)}


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def merged(path):
    """Debian has /lib and the like as links into /usr; old packages still name
    them."""
    path = os.path.normpath("/" + path).lstrip("/")
    return "usr/" + path if re.match(r"(lib\w*|bin|sbin)/", path) else path


class Package:
    """A package, unpacked: its files by their place in the image."""

    def __init__(self, deb, place):
        subprocess.run(["dpkg-deb", "-x", deb, place], check=True)
        self.control = output_of("dpkg-deb", "-f", deb)
        self.name = re.search(r"^Package: (\S+)", self.control, re.M)[1]
        self.files = {merged(str(path.relative_to(place))): path
                      for path in sorted(place.rglob("*"))
                      if path.is_symlink() or path.is_file()}

    def field(self, name):
        return re.search(rf"^{name}: (.*)", self.control, re.M)[1]


class Tree:
    """The file system of the image: path -> (tar header, content)."""

    def __init__(self, packages, epoch):
        self.packages = packages
        self.epoch = epoch
        self.members = {}
        self.used = set()
        self.homes = {path: package for package in packages.values()
                      for path in package.files}
        self.libraries = {path.rsplit("/", 1)[1]: path for path in self.homes
                          if re.fullmatch(r"usr/lib/[^/]+/[^/]+", path)}

    def put(self, path, kind, mode, content=b"", target="", group="root"):
        parent = os.path.dirname(path)
        if parent and parent not in self.members:
            self.put(parent, tarfile.DIRTYPE, 0o755)
        header = tarfile.TarInfo(path)
        header.type, header.mode, header.mtime = kind, mode, self.epoch
        header.linkname, header.size = target, len(content)
        header.gid = IDS.get(group, 0)
        self.members[path] = (header, content)

    def text(self, path, text):
        self.put(path, tarfile.REGTYPE, 0o644, text.encode())

    def add(self, path):
        """A file of a package with all that it needs to run."""
        path = merged(path)
        if path in self.members:
            return
        if path not in self.homes:
            sys.exit(f"image: no package has /{path}")
        package = self.homes[path]
        self.used.add(package.name)
        source = package.files[path]
        if source.is_symlink():
            target = os.path.join("/" + os.path.dirname(path),
                                  os.readlink(source))
            self.put(path, tarfile.SYMTYPE, 0o777, target=os.path.relpath(
                "/" + merged(target), "/" + os.path.dirname(path)))
            self.add(target)
            return
        content = source.read_bytes()
        is_program = os.access(source, os.X_OK)
        self.put(path, tarfile.REGTYPE, 0o755 if is_program else 0o644, content)
        if content.startswith(b"\x7fELF"):
            self.add_needs(path, source)

    def add_needs(self, path, source):
        told = output_of("readelf", "-W", "-d", "-l", source)
        for loader in re.findall(r"program interpreter: ([^\]]+)\]", told):
            self.add(loader)
        for library in re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]",
                                  told):
            if library not in self.libraries:
                sys.exit(f"image: no package has {library}, for /{path}")
            self.add(self.libraries[library])

    def add_users(self):
        """Of sysusers.d(5), with fixed numbers."""
        source = self.packages["dmd"].files["usr/lib/sysusers.d/dmd.conf"]
        lines = [line.split()[:2] for line in source.read_text().splitlines()
                 if line and not line.startswith("#")]
        names = [name for _, name in lines]
        if sorted(names) != sorted(IDS):
            sys.exit(f"image: users with and without numbers: {names}")
        users = [("root", 0)] + [(n, IDS[n]) for kind, n in lines
                                 if kind == "u"] + [("nobody", 65534)]
        groups = [("root", 0), *((n, IDS[n]) for n in names),
                  ("nogroup", 65534)]
        self.text("etc/passwd", "".join(
            f"{name}:x:{id}:{id}::/:/usr/sbin/nologin\n"
            for name, id in users))
        self.text("etc/group", "".join(f"{name}:x:{id}:\n"
                                       for name, id in groups))

    def add_provenance(self):
        """The licence of each package that is in the image, and its entry in
        dpkg's database, where tools look that know images without dpkg."""
        for name in sorted(self.used):
            self.add(f"usr/share/doc/{name}/copyright")
            self.text(f"var/lib/dpkg/status.d/{name}",
                      self.packages[name].control)

    def tar(self):
        return archive(self.members)


def archive(members):
    """The bytes of a tar of {path: (header, content)}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for path in sorted(members):
            header, content = members[path]
            t.addfile(header, io.BytesIO(content))
    return out.getvalue()


def fill(packages, epoch):
    tree = Tree(packages, epoch)
    for top in ("bin", "lib", "sbin"):
        tree.put(top, tarfile.SYMTYPE, 0o777, target="usr/" + top)
    for path, (group, mode) in DIRECTORIES.items():
        tree.put(path, tarfile.DIRTYPE, mode, group=group)
    for path in PROGRAMS + RELEASE:
        tree.add(path)
    if "usr/lib64" in tree.members:
        tree.put("lib64", tarfile.SYMTYPE, 0o777, target="usr/lib64")
    tree.add_users()
    tree.text("etc/nsswitch.conf", "passwd: files\ngroup: files\n"
              "hosts: files dns\n")
    tree.add_provenance()
    return tree


def config_of(dmd, created, layer_digest):
    """The image's configuration: image-spec, config.md."""
    architecture = dmd.field("Architecture")
    name, variant = ARCHITECTURES.get(architecture, (architecture, None))
    return {
        "created": created,
        "architecture": name,
        **({"variant": variant} if variant else {}),
        "os": "linux",
        "config": {
            "Entrypoint": ["/usr/sbin/dmd", "-d"],
            "Env": ["PATH=/usr/sbin:/usr/bin"],
            "ExposedPorts": {"7946/tcp": {}},
            "Volumes": {"/var/lib/data-mesher": {}},
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "dmd",
                "org.opencontainers.image.description":
                    dmd.field("Description"),
                "org.opencontainers.image.version": dmd.field("Version"),
                "org.opencontainers.image.created": created,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        "history": [{"created": created, "created_by": "dist/oci/image.py"}],
    }


class Layout:
    """The files of an OCI image layout: image-spec, image-layout.md."""

    def __init__(self, epoch):
        self.epoch = epoch
        self.members = {}

    def file(self, path, content):
        header = tarfile.TarInfo(path)
        header.mode, header.mtime, header.size = 0o644, self.epoch, len(content)
        self.members[path] = (header, content)

    def json(self, path, value):
        self.file(path, json.dumps(value, sort_keys=True,
                                   separators=(",", ":")).encode())

    def blob(self, kind, content):
        """Returns the descriptor of the content."""
        if not isinstance(content, bytes):
            content = json.dumps(content, sort_keys=True,
                                 separators=(",", ":")).encode()
        digest = hashlib.sha256(content).hexdigest()
        self.file(f"blobs/sha256/{digest}", content)
        return {"mediaType": f"application/vnd.oci.image.{kind}",
                "digest": f"sha256:{digest}", "size": len(content)}


def image(tree, dmd):
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(tree.epoch))
    tag = f"dmd:{dmd.field('Version')}"
    layout = Layout(tree.epoch)
    layer = layout.blob("layer.v1.tar", tree.tar())
    config = layout.blob("config.v1+json",
                         config_of(dmd, created, layer["digest"]))
    manifest = layout.blob("manifest.v1+json", {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer]})
    manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
    layout.json("oci-layout", {"imageLayoutVersion": "1.0.0"})
    layout.json("index.json", {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest]})
    # docker load
    blob = "blobs/" + "{digest}"
    layout.json("manifest.json", [{
        "Config": blob.format(**config).replace(":", "/"),
        "RepoTags": [tag],
        "Layers": [blob.format(**layer).replace(":", "/")]}])
    return archive(layout.members)


def main():
    archives, out = map(pathlib.Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as work:
        packages = {}
        for deb in sorted(archives.glob("*.deb")):
            package = Package(deb, pathlib.Path(work) / deb.name)
            packages[package.name] = package
        dmd = packages["dmd"]
        # what dpkg-buildpackage was told: the time of the changelog
        epoch = int(os.environ.get(
            "SOURCE_DATE_EPOCH",
            dmd.files["usr/sbin/dmd"].stat().st_mtime))
        content = image(fill(packages, epoch), dmd)
    name = f"dmd_{dmd.field('Version')}_{dmd.field('Architecture')}.oci.tar"
    (out / name).write_bytes(content)
    print(f"{hashlib.sha256(content).hexdigest()}  {out / name}")


main()
