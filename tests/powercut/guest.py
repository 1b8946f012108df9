# SPDX-License-Identifier: ISC
"""What the virtual machine runs: Debian's kernel, unpacked and not installed,
and a file tree in memory (initramfs) of busybox and the programs of this build
with their libraries."""

import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("dmd", "dm-net", "dm-store")
#: in this order; their dependencies are found
MODULES = ("crc32c_generic", "virtio_pci", "virtio_blk", "virtio_net")
FS_MODULES = {
    "ext4": ("ext4",),
    "xfs": ("xfs",),
    "btrfs": ("xxhash_generic", "sha256_generic", "blake2b_generic", "btrfs"),
}
PASSWD = """root:x:0:0::/:/bin/sh
_dmnet:x:901:901::/:/bin/false
_dmstore:x:902:902::/:/bin/false
_dmres:x:903:903::/:/bin/false
"""
GROUP = "root:x:0:\n_dmnet:x:901:\n_dmstore:x:902:\n_dmres:x:903:\n" \
        "data-mesher:x:904:\n"


class Missing(Exception):
    """The machine cannot be built here; the reason."""


# --- the kernel ----

def fetch_kernel(base):
    """The directory of an unpacked kernel package; fetched once."""
    depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"],
                             capture_output=True, text=True).stdout
    found = re.search(r"Depends: (linux-image-\d\S*)", depends)
    if not found:
        raise Missing("apt knows no kernel for linux-image-amd64")
    place = base / found[1]
    if not place.exists():
        fresh = base / "fetch"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if subprocess.run(["apt-get", "-qq", "download", found[1]], cwd=fresh,
                          stderr=subprocess.DEVNULL).returncode != 0:
            raise Missing(f"apt-get cannot download {found[1]}")
        package, = fresh.glob("*.deb")
        subprocess.run(["dpkg-deb", "-x", package, fresh / "tree"], check=True)
        (fresh / "tree").rename(place)
        shutil.rmtree(fresh)
    return place


def bare_kernel(tree):
    """The kernel without its own unpacker, which a virtual machine starts at
    once; or as it is, where it is packed in another way."""
    packed, = tree.glob("boot/vmlinuz-*")
    bare = tree / "boot" / "vmlinux"
    if bare.exists():
        return bare
    data = packed.read_bytes()
    # boot protocol: sectors of the setup, where the payload lies behind it
    setup = ((data[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[setup + offset:][:length]
    if not payload.startswith(b"\xfd7zXZ"):
        return packed
    bare.write_bytes(lzma.LZMADecompressor().decompress(payload))
    return bare


class Modules:
    """The modules of a kernel, in an order in which they can be loaded."""

    def __init__(self, tree):
        self.paths = {}
        for path in tree.glob("**/*.ko*"):
            self.paths[path.name.split(".")[0].replace("-", "_")] = path
        self.order, self.content = [], {}

    def add(self, name):
        path = self.paths.get(name.replace("-", "_"))
        if path is None or name in self.content:    # or built in
            return
        data = path.read_bytes()
        if path.suffix == ".xz":
            data = lzma.decompress(data)
        self.content[name] = data
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in depends[1].decode().split(",") if depends else ():
            self.add(other)
        self.order.append(name)


# --- the file tree ----

class Archive:
    """cpio in the "new" format, as the kernel unpacks it."""

    def __init__(self):
        self.parts, self.names = [], set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        name = name.encode() + b"\0"
        fields = (len(self.parts) + 1, mode, 0, 0, 1, 0, len(data), 0, 0,
                  *rdev, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
        for part in (head, data):
            self.parts.append(part + bytes(-len(part) % 4))

    def directory(self, name):
        if name not in self.names and name not in ("", "."):
            self.directory(os.path.dirname(name))
            self.names.add(name)
            self._entry(name, 0o40755)

    def file(self, name, data, mode=0o644):
        name = name.lstrip("/")
        if name not in self.names:
            self.directory(os.path.dirname(name))
            self.names.add(name)
            self._entry(name, 0o100000 | mode, data)

    def device(self, name, major, minor):
        self.directory(os.path.dirname(name))
        self._entry(name, 0o20600, rdev=(major, minor))

    def program(self, source, name):
        """With the libraries that it is linked to, where it looks for them."""
        self.file(name, pathlib.Path(source).read_bytes(), 0o755)
        listed = subprocess.run(["ldd", source], capture_output=True,
                                text=True).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            self.file(library, pathlib.Path(library).read_bytes(), 0o755)

    def write(self, path):
        self._entry("TRAILER!!!", 0)
        path.write_bytes(b"".join(self.parts))


def build(path, tree, fs, programs, config, preload=None):
    """An initramfs. preload: a library that every program is to load."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise Missing("busybox is missing (busybox-static)")
    archive, modules = Archive(), Modules(tree)
    for name in ("proc", "sys", "dev", "run", "disk", "tmp"):
        archive.directory(name)
    archive.device("dev/console", 5, 1)
    archive.program(busybox, "bin/busybox")
    archive.file("init", (HERE / "init.sh").read_bytes(), 0o755)
    for name in PROGRAMS:
        archive.program(programs / name, f"bin/{name}")
    for name in (*MODULES, *FS_MODULES[fs]):
        modules.add(name)
    for name in modules.order:
        archive.file(f"modules/{name}", modules.content[name])
    texts = {"modules/order": "\n".join(modules.order) + "\n",
             "etc/passwd": PASSWD, "etc/group": GROUP, "etc/fs": fs + "\n",
             "etc/hosts": "127.0.0.1 localhost\n", "etc/resolv.conf": "",
             "etc/dm.toml": config}
    for name, text in texts.items():
        archive.file(name, text.encode())
    if preload:
        archive.file("lib/preload.so", preload.read_bytes(), 0o755)
        archive.file("etc/ld.so.preload", b"/lib/preload.so\n")
    archive.write(path)
