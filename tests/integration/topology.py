# SPDX-License-Identifier: ISC
"""Machines for the tests. As root each is a network namespace, joined to the
others by veth pairs and a bridge in a namespace of their own; otherwise they
share loopback and differ in their ports."""
import functools
import itertools
import os
import shutil
import socket
import subprocess

_counter = itertools.count()


def _run(*args):
    subprocess.run(args, check=True, capture_output=True, text=True)


@functools.lru_cache(maxsize=None)
def can_make_namespaces():
    """Whether a namespace can be made, set up and entered. Making one is not
    enough: in a chroot that is no mount point it cannot be entered, and a
    container may lack the rights to set it up."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"dmdt{os.getpid()}x"
    try:
        return all(subprocess.run(["ip", *step], capture_output=True)
                   .returncode == 0 for step in (
            ["netns", "add", name],
            ["-n", name, "link", "set", "lo", "up"],
            ["-n", name, "link", "add", "br0", "type", "bridge"],
            ["-n", name, "link", "add", "v0", "type", "veth"],
            ["netns", "exec", name, "true"]))
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Host:
    """One machine: how to run a command on it, and its addresses."""

    def __init__(self, net, index):
        self.net, self.index = net, index
        self.cluster_port = self.http_port = None
        if net.namespaces:
            self.netns = f"{net.name}n{index}"
            self.ip4 = f"10.77.{net.number}.{index + 1}"
            self.ip6 = f"fd77:{net.number:x}::{index + 1:x}"
            self.cluster_port, self.http_port = 7946, 7331
            self.interface = "eth0"
        else:
            self.netns = None
            self.ip4, self.ip6 = "127.0.0.1", "::1"
            self.cluster_port, self.http_port = free_port(), free_port()
            self.interface = "lo"

    @property
    def prefix(self):
        """What to put before a command to run it here."""
        return ["ip", "netns", "exec", self.netns] if self.netns else []

    def down(self):
        """Cuts the machine off (namespaces only)."""
        _run("ip", "-n", self.net.bridge, "link", "set",
             f"v{self.index}", "down")

    def up(self):
        _run("ip", "-n", self.net.bridge, "link", "set",
             f"v{self.index}", "up")


class Network:
    def __init__(self):
        self.number = next(_counter) % 200
        self.namespaces = can_make_namespaces()
        self.name = f"dmdt{os.getpid()}c{self.number}"
        self.bridge = f"{self.name}br"
        self.hosts = []
        if self.namespaces:
            _run("ip", "netns", "add", self.bridge)
            _run("ip", "-n", self.bridge, "link", "add", "br0", "type",
                 "bridge")
            _run("ip", "-n", self.bridge, "link", "set", "br0", "up")

    def add_host(self):
        host = Host(self, len(self.hosts))
        self.hosts.append(host)
        if not self.namespaces:
            return host
        port = f"v{host.index}"
        _run("ip", "netns", "add", host.netns)
        _run("ip", "-n", self.bridge, "link", "add", port, "type", "veth",
             "peer", "name", "eth0", "netns", host.netns)
        _run("ip", "-n", self.bridge, "link", "set", port, "master", "br0",
             "up")
        for args in (["link", "set", "lo", "up"],
                     ["addr", "add", f"{host.ip4}/24", "dev", "eth0"],
                     ["addr", "add", f"{host.ip6}/64", "dev", "eth0",
                      "nodad"],
                     ["link", "set", "eth0", "up"]):
            _run("ip", "-n", host.netns, *args)
        return host

    def close(self):
        if not self.namespaces:
            return
        for host in self.hosts:
            subprocess.run(["ip", "netns", "del", host.netns],
                           capture_output=True)
        subprocess.run(["ip", "netns", "del", self.bridge],
                       capture_output=True)
