# SPDX-License-Identifier: ISC
"""Where a siege takes place: a network of its own, in which every address of
11.0.0.0/8 is here and none of 12.0.0.0/8 is anywhere. Without the rights for
that it is loopback, where every address of 127.0.0.0/8 is here; what needs
addresses of the Internet is then left out."""
import ctypes
import os
import shutil
import subprocess

_CLONE_NEWNET = 0x40000000
#: nodes, in their order
NODES = ("11.1.0.1", "11.2.0.1", "11.3.0.1")


def _ip(*words):
    return subprocess.run(["ip", *words], capture_output=True).returncode == 0


class Ground:
    def __init__(self):
        self.is_own = self._make()
        net = 11 if self.is_own else 127
        self.nodes = NODES if self.is_own else ("127.0.0.1",) * len(NODES)
        self.foe = f"{net}.66.0.1"
        self.guest = f"{net}.70.0.1"
        self.newcomer = f"{net}.71.0.1"
        self.victim = f"{net}.99.0.1"
        self.nowhere = "12.1.0.0"

    @staticmethod
    def _make():
        """For this process and all that it starts."""
        if os.geteuid() != 0 or shutil.which("ip") is None:
            return False
        if ctypes.CDLL(None).unshare(_CLONE_NEWNET) != 0:
            return False
        return (_ip("link", "set", "lo", "up") and
                all(_ip("address", "add", f"{a}/32", "dev", "lo")
                    for a in NODES) and
                # what nodes dial each other from, and nobody else
                all(_ip("route", "replace", "local", a, "dev", "lo",
                        "table", "local", "src", NODES[1]) for a in NODES) and
                _ip("route", "add", "local", "11.0.0.0/8", "dev", "lo",
                    "src", NODES[1]) and
                # a cable whose other end says nothing
                _ip("link", "add", "nowhere", "type", "veth", "peer", "name",
                    "silence") and
                _ip("link", "set", "silence", "up") and
                _ip("link", "set", "nowhere", "arp", "off", "up") and
                _ip("route", "add", "12.0.0.0/8", "dev", "nowhere", "src",
                    NODES[0]))


def foe_user():
    """Nobody's rights for those who attack, where there is a choice."""
    return {"user": 65534, "group": 65534, "extra_groups": []} \
        if os.geteuid() == 0 else {}
