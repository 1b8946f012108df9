# SPDX-License-Identifier: ISC
"""root of a user namespace, which may have no other users."""
import os
import pathlib
import subprocess

import pytest

from conftest import BUILD, IS_ROOT, PATIENCE


def can_be_made():
    return subprocess.run(["unshare", "-r", "true"],
                          capture_output=True).returncode == 0


needs_namespace = pytest.mark.skipif(
    not can_be_made(), reason="user namespaces cannot be made here")


@needs_namespace
def test_root_is_the_only_user(make_node, tmp_path):
    """dmd serves as it does without root, and says so once."""
    subprocess.run([BUILD / "dmctl", "generate", "keypair"], cwd=tmp_path,
                   check=True, capture_output=True)
    (tmp_path / "a").write_bytes(b"x")
    node = make_node(files={"a": [(tmp_path / "key.pub").read_text().strip()]})
    node.prefix = ["unshare", "-r"]
    node.start()
    assert node.log().count("root is the only user of this user names") == 1
    assert node.ask("status_dmd").value("user") == "unprivileged"
    assert "sandbox layers that this kernel lacks" not in node.log()
    for child in ("dm_net", "dm_store", "resolver"):
        status = pathlib.Path(f"/proc/{node.pid(child)}/status").read_text()
        for caps in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
            assert f"{caps}:\t{0:016x}" in status, (child, caps)
    subprocess.run([*node.prefix, BUILD / "dmctl", "-s", node.socket,
                    "upload", "a", "--key", "key.priv"], cwd=tmp_path,
                   check=True, timeout=PATIENCE)
    # and once more, on what is there now
    assert node.stop() == 0
    node.start()
    assert node.stop() == 0


@needs_namespace
@pytest.mark.skipif(not IS_ROOT, reason="needs root to map several users")
def test_users_that_are_not_mapped(make_node, users):
    """What is missing is named; nothing is made, and nobody is left out."""
    node = make_node()
    node.write_config()
    process = subprocess.Popen(
        ["unshare", "-U", "sh", "-c", 'echo; read -r _; exec "$@"', "sh",
         *node.command("-d")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=node.environment())
    process.stdout.readline()
    for which in ("uid_map", "gid_map"):
        pathlib.Path(f"/proc/{process.pid}/{which}").write_text("0 0 2\n")
    _, said = process.communicate(b"\n", timeout=PATIENCE)
    assert process.returncode == 67
    for user in ("_dmnet", "_dmstore", "_dmres"):
        assert f"user {user} has the id ".encode() in said
    assert b"group data-mesher has the id" in said
    assert b"/proc/self/uid_map" in said and b"/proc/self/gid_map" in said
    assert not os.path.exists(node.state)
