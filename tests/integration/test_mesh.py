# SPDX-License-Identifier: ISC
"""What a mesh is for: nodes find each other, a signed file uploaded to one is
on all, the newest wins everywhere, and who was away catches up."""

import base64
import hashlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from conftest import BUILD, IS_ASAN, PATIENCE
from mesh import (NO_TIMER, Client, address, ask, connected, content,
                  control_put, files, in_threads, listing, need, peers, put,
                  put_ok, reload, run, spread, wait, wait_content,
                  wait_equal_lists, wait_files)
from rights import knows_localhost
from versions import SECOND, Signer, Version, winner

SIGNER = Signer()
OTHER = Signer()


def at(seconds_ago=0.0, ns=0):
    """A moment of signing."""
    return int((time.time() - seconds_ago) * SECOND) + ns


# --- finding each other ----

@pytest.fixture
def names(net):
    """Makes a name known on machines; /dns/NAME then leads to a host."""
    made = []

    def tell_names(host, name, ip):
        if not host.netns:
            if not knows_localhost():
                pytest.skip("/etc/hosts does not have localhost")
            return "localhost"
        if not os.path.exists("/etc/hosts"):
            pytest.skip("no /etc/hosts for a namespace to put its own over")
        place = pathlib.Path("/etc/netns", host.netns)
        place.mkdir(parents=True)
        made.append(place)
        (place / "hosts").write_text(f"127.0.0.1 localhost\n{ip} {name}\n")
        return name
    yield tell_names
    for place in made:
        (place / "hosts").unlink()
        place.rmdir()
        if not any(place.parent.iterdir()):
            place.parent.rmdir()


@pytest.mark.parametrize("kind", ["ip4", "ip6", "dns"])
def test_one_bootstrap_address_is_enough(mesh, names, kind):
    """Two nodes that know a third find each other, and no longer need it."""
    mesh.files = {"a": [SIGNER.text]}
    mesh.interval = NO_TIMER
    lone = {}
    if not mesh.net.namespaces:
        lone = {"cluster": {"interface": "lo"}}
    first = mesh.add(**lone)
    others = []
    for _ in range(2):
        others.append(mesh.add(start=False, **lone))
        name = None
        if kind == "dns":
            name = names(others[-1].host, "first.test", first.host.ip4)
        others[-1].config["cluster"]["bootstrap_peers"] = [
            address(first, kind, name)]
        others[-1].start()
    mesh.wait_connected()
    first.kill()
    # known from what the others said, kept over a restart of both
    wait(others, lambda: all(len(connected(n)) == 1 for n in others))
    for node in others:
        node.stop()
    for node in others:
        node.start()
    mesh.wait_connected(others)
    spread(others, others[0], "a", b"without the first", SIGNER)


def test_addresses_that_lead_nowhere_hold_up_nobody(mesh):
    """They are tried a quarter of a second apart, not one after the other."""
    if not mesh.net.namespaces:
        pytest.skip("needs namespaces")
    mesh.interval = NO_TIMER
    first = mesh.add()
    prefix, tail = first.host.ip4.rsplit(".", 1)[0], address(first)
    tail = tail[tail.index("/tcp/"):]
    nowhere = [f"/ip4/{prefix}.{n}{tail}" for n in range(201, 207)]
    second = mesh.add(start=False)
    # a bridge that swallows what nobody asked for: no answer, no error
    for n in range(201, 207):
        subprocess.run(["ip", "-n", second.host.netns, "neigh", "add",
                        f"{prefix}.{n}", "lladdr", "02:00:00:00:00:01",
                        "dev", "eth0"], check=True)
    second.config["cluster"]["bootstrap_peers"] = [
        *nowhere, address(first, "ip4")]
    second.start()
    started = time.monotonic()
    wait([second], lambda: connected(second) == {first.peer_id()})
    # one after the other they take 18 s
    assert time.monotonic() - started < 8
    assert len(connected(first)) == 1


def link_local(host):
    out = subprocess.run(["ip", "-n", host.netns, "-j", "-6", "addr", "show",
                          "dev", "eth0", "scope", "link"],
                         capture_output=True, text=True, check=True).stdout
    rows = [a for i in json.loads(out) for a in i.get("addr_info", [])
            if "local" in a and not a.get("tentative")]
    return rows[0]["local"] if rows else None


def test_an_address_of_an_interface_is_dialled_by_its_name(mesh):
    """... also when the interface comes later than the daemon."""
    if not mesh.net.namespaces:
        pytest.skip("needs namespaces")
    mesh.interval = NO_TIMER
    first = mesh.add()
    local = wait([first], lambda: link_local(first.host))
    tail = address(first)[address(first).index("/tcp/"):]
    second = mesh.add(bootstrap=[f"/ip6zone/late0/ip6/{local}{tail}"])
    row = wait([second], lambda: [r for r in peers(second).values()
                                  if r["last_error"]])[0]
    assert row["last_error"] == "this node has no interface late0"
    ip = ["ip", "-n", second.host.netns, "link", "set"]
    for change in (["eth0", "down"], ["eth0", "name", "late0"],
                   ["late0", "up"]):
        subprocess.run([*ip, *change], check=True)
    wait([second], lambda: connected(second) == {first.peer_id()})


def test_a_wrong_peer_id_is_nobodys_misbehaviour(mesh):
    """Whoever dials somebody else at our address displeases nobody here."""
    first = mesh.add()
    wrong = "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"
    second = mesh.add(
        bootstrap=[address(first).rsplit("/", 1)[0] + "/" + wrong])
    wait([first, second], lambda: "another peer" in
         (peers(second).get(wrong) or {"last_error": ""})["last_error"])
    # it is through with the alert before it answers
    assert "misbehaving" not in (ask(first, "GET", "/healthz") and
                                 first.log())


def test_two_nodes_with_one_identity_are_named(mesh):
    if not mesh.net.namespaces:
        pytest.skip("needs namespaces: they differ in their address")
    first, second = mesh.grow(2)
    twin = mesh.add(start=False)
    twin.state.mkdir(mode=0o750)
    st = second.state.stat()
    os.chown(twin.state, st.st_uid, st.st_gid)
    key = twin.state / "identity.key"
    key.write_bytes((second.state / "identity.key").read_bytes())
    key.chmod(0o600)
    twin.start()
    peer = second.peer_id()
    first.wait_log(rf"warn: peer={peer} connects by turns from .*: two nodes "
                   "may have the same identity")
    # each throws the other out, at the pace of one back-off
    for node in (first, second, twin):
        assert node.log().count("connected") < 200


def test_a_network_that_was_put_right_is_joined_at_once(mesh):
    mesh.interval = NO_TIMER
    key = base64.b64encode(SIGNER.public).decode()
    first = mesh.add()
    second = mesh.add(network={"key": key})
    # whoever sees it first closes, and says why
    said = "the peer is in another network: see [network] in dm.toml"
    wait([first, second], lambda: said in first.log() + second.log())
    rows = wait([second], lambda: [r for r in peers(second).values()
                                   if r["last_error"]])
    # the reason that the other gave, not how the socket ended
    assert all(said in r["last_error"] or "see its log for the reason" in
               r["last_error"] for r in rows)
    del second.config["network"]
    reload(second)
    started = time.monotonic()
    mesh.wait_connected(timeout=60)
    # else up to a minute
    assert time.monotonic() - started < 10


def test_peer_that_cannot_be_reached_stays_listed(mesh):
    node = mesh.add(bootstrap=[
        "/ip4/127.0.0.1/tcp/1/p2p/"
        "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"])
    row = wait([node], lambda: [r for r in peers(node).values()
                                if r["last_error"]])[0]
    assert row["state"] != "connected"
    assert "refused" in row["last_error"].lower()


def test_whom_the_configuration_does_not_allow(mesh):
    """allowed_peers decides who gets in, and a reload who stays."""
    mesh.files = {"a": [SIGNER.text]}
    first, second = mesh.add(), mesh.add()
    mesh.wait_connected()
    stranger = "12D3KooWHs5NXo2CPFvFT6cdsu8eSkfggNtfqTtKBVojHY7En86i"
    first.config["cluster"]["allowed_peers"] = [stranger]
    reload(first)
    wait([first], lambda: not connected(first) and not connected(second))
    put_ok(second, Version("a", b"x", SIGNER))
    first.wait_log("not in allowed_peers")
    assert content(first, "a") is None
    first.config["cluster"]["allowed_peers"] = [stranger, second.peer_id()]
    reload(first)
    wait_content([first, second], "a", b"x")


# --- a file's way ----

def recipe(node, folder, name, data, key):
    """The README's, word for word but for the port."""
    folder.mkdir(exist_ok=True)
    (folder / pathlib.Path(name).name).write_bytes(data)
    return subprocess.run(["sh", "-euc", f"""
        name={name}
        at=$(date +%s).000000000
        sum=$(sha256sum "$name" | cut -d' ' -f1)
        printf 'data-mesher 1\\nkind: file\\nnetwork: -\\nname: %s\\nsigned-at: %s\\nvalid-for: 0\\nsize: %s\\nsha256: %s\\n' \\
            "$name" "$at" "$(stat -c %s "$name")" "$sum" > text
        sig=$(ssh-keygen -q -Y sign -f {key} -n file@data-mesher < text | sed '/^-----/d' | tr -d '\\n')
        {' '.join(node.prefix)} curl -sS --fail-with-body -T "$name" \\
            -H 'Content-Type: application/octet-stream' \\
            -H "X-Signedat: $at" -H "X-Sha256: $sum" -H "X-Signature: $sig" \\
            http://localhost:{node.http_port}/files/"$name"
        """], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def test_three_ways_to_upload(mesh, tmp_path):
    """HTTP, the control socket, and OpenSSH with curl; no timer helps."""
    need("curl")
    mesh.files = {n: [SIGNER.text] for n in ("http", "socket", "recipe")}
    mesh.interval = NO_TIMER
    a, b, c = mesh.grow(3)
    by_http = Version("http", os.urandom(1000), SIGNER)
    assert put(a, by_http).status == 201
    by_socket = Version("socket", os.urandom(1000), SIGNER)
    assert control_put(b, by_socket).verdict == "created"
    data = os.urandom(1000)
    key = SIGNER.write(tmp_path)
    out = recipe(c, tmp_path / "w", "recipe", data, key)
    assert out.returncode == 0, out.stdout + out.stderr
    wait_files([a, b, c], {"http": by_http.content,
                           "socket": by_socket.content, "recipe": data})
    # again: a newer version of each, at another node
    by_http = Version("http", os.urandom(3000), SIGNER)
    assert put(b, by_http).status == 200
    by_socket = Version("socket", os.urandom(3000), SIGNER)
    assert control_put(c, by_socket).verdict == "replaced"
    wait_content([a, b, c], "http", by_http.content)
    wait_content([a, b, c], "socket", by_socket.content)
    # and what is here already is not stored again
    answer = put(c, by_http)
    assert answer.status == 200 and answer.json["unchanged"] is True
    assert control_put(a, by_socket).verdict == "unchanged"


def test_commands_of_the_readme(mesh, tmp_path):
    """As typed there, the original's spelling included."""
    def call(node, *command, cwd=tmp_path):
        out = run(node, *command, cwd=cwd)
        assert out.returncode == 0, (command, out.stdout, out.stderr)
        return out.stdout.decode()
    mesher, dmctl = BUILD / "data-mesher", BUILD / "dmctl"
    subprocess.run([mesher, "generate", "keypair"], cwd=tmp_path, check=True,
                   capture_output=True)
    public = (tmp_path / "key.pub").read_text().strip()
    ssh = subprocess.run(["ssh-keygen", "-y", "-f", tmp_path / "key.priv"],
                         capture_output=True, text=True)
    assert ssh.stdout.split()[:2] == public.split()[:2]
    mesh.files = {"config.json": [public], "other.json": [public]}
    mesh.interval = NO_TIMER
    a, b, c = nodes = mesh.grow(3)
    (tmp_path / "config.json").write_bytes(b"{}\n")
    (tmp_path / "other.json").write_bytes(b"[]\n")
    call(a, mesher, "file", "update", "./config.json", "--url",
         f"http://localhost:{a.http_port}", "--key-path", "./key.priv")
    call(b, dmctl, "upload", "./other.json", "--key", "./key.priv", "-s",
         b.socket)
    wait_files(nodes, {"config.json": b"{}\n", "other.json": b"[]\n"})
    for node in nodes:
        assert call(node, dmctl, "-s", node.socket, "get",
                    "config.json") == "{}\n"
        assert "config.json" in call(node, dmctl, "-s", node.socket, "list")
        call(node, dmctl, "-f", node.toml, "verify", "config.json")
        call(node, dmctl, "-s", node.socket, "show", "other.json")
        rows = json.loads(call(node, dmctl, "-s", node.socket, "peers",
                               "--json"))
        assert {r["peer"] for r in rows} == {n.peer_id() for n in nodes
                                             if n is not node}
    call(c, dmctl, "delete", "config.json", "--key", "key.priv", "-s",
         c.socket)
    wait_files(nodes, {"other.json": b"[]\n"})


SIZES = [0, 1, 2048, 2049, 48 << 10, 64 << 10, (64 << 10) + 1, 1 << 20,
         (1 << 20) + 1, 5_000_000]


def test_all_sizes_byte_for_byte(mesh):
    """Each bound in the way of a file, one below and one above it."""
    mesh.files = {"size/*": [SIGNER.text]}
    mesh.interval = NO_TIMER
    nodes = mesh.grow(3)
    expected = {}
    for i, size in enumerate(SIZES):
        version = Version(f"size/{size}", os.urandom(size), SIGNER)
        upload = put if i % 2 else control_put
        upload(nodes[i % 3], version)
        expected[version.name] = version.content
    wait_files(nodes, expected)
    rows = wait_equal_lists(nodes)
    for name, data in expected.items():
        assert rows[name]["size"] == len(data)
        assert rows[name]["sha256"] == hashlib.sha256(data).hexdigest()
        for node in nodes:
            assert ask(node, "GET", f"/files/{name}").body == data


def test_without_sha256_in_the_head(mesh):
    mesh.files = {"a": [SIGNER.text]}
    a, b = mesh.grow(2)
    version = Version("a", os.urandom(100_000), SIGNER)
    assert put(a, version, sha256=False).status == 201
    wait_content([a, b], "a", version.content)


def test_stock_openssh_verifies_what_is_served(mesh, tmp_path):
    """From the headers of a GET, on a node that it was not uploaded to."""
    need("ssh-keygen")
    mesh.files = {"a": [SIGNER.text]}
    a, b = mesh.grow(2)
    version = spread([a, b], a, "a", b"whatever", SIGNER, valid_for=3600)
    head = ask(b, "GET", "/files/a").headers
    assert head["X-Signedby"] == SIGNER.text
    assert head["X-Validfor"] == "3600"
    raw = base64.b64decode(head["X-Signature"])
    armor = base64.encodebytes(SIGNER.blob(raw[-64:])).decode()
    (tmp_path / "sig").write_text("-----BEGIN SSH SIGNATURE-----\n" + armor +
                                  "-----END SSH SIGNATURE-----\n")
    (tmp_path / "allowed").write_text(f"me {SIGNER.line}\n")
    out = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "me",
         "-n", "file@data-mesher", "-s", tmp_path / "sig"],
        input=version.text, capture_output=True)
    assert out.returncode == 0, out.stderr


def test_any_node_is_uploaded_to_and_any_may_be_gone(mesh):
    mesh.files = {"a": [SIGNER.text]}
    nodes = mesh.grow(3)
    for i, gone in enumerate(nodes):
        there = [n for n in nodes if n is not gone]
        gone.kill()
        version = spread(there, there[i % 2], "a", b"round %d" % i, SIGNER)
        gone.start()
        wait_content(nodes, "a", version.content)


def test_update_storm_on_one_name_ends_equal(mesh):
    """All nodes at once, over HTTP: the greatest is everywhere."""
    mesh.files = {"a": [SIGNER.text], "big": [SIGNER.text, OTHER.text]}
    nodes = mesh.grow(3)
    accepted = []

    def storm(node, name, size):
        with Client(node) as client:
            for _ in range(20):
                version = Version(name, os.urandom(size), SIGNER)
                answer = client.put(version)
                assert answer.status in (200, 201, 409), answer
                if answer.status != 409:
                    accepted.append(version)
    in_threads(*(lambda n=n: storm(n, "a", 300) for n in nodes),
               *(lambda n=n: storm(n, "big", 100_000) for n in nodes[:2]))
    for name in ("a", "big"):
        best = winner([v for v in accepted if v.name == name])
        wait_content(nodes, name, best.content)
    wait_equal_lists(nodes)


# --- away and back ----

def change_things(node, before):
    """Updates, deletes and new names; what is shown afterwards."""
    expected = dict(before)
    for i, name in enumerate(sorted(before)):
        if i % 3 == 0:
            put_ok(node, Version(name, None, SIGNER))
            del expected[name]
        elif i % 3 == 1:
            expected[name] = b"new " + name.encode()
            put_ok(node, Version(name, expected[name], SIGNER))
    for i in range(5):
        expected[f"d/new{i}"] = os.urandom(5000)
        put_ok(node, Version(f"d/new{i}", expected[f"d/new{i}"], SIGNER))
    return expected


def with_files(mesh):
    mesh.files = {"d/*": [SIGNER.text]}
    nodes = mesh.grow(3)
    before = {f"d/{i}": b"%d" % i for i in range(12)}
    for name, data in before.items():
        put_ok(nodes[0], Version(name, data, SIGNER))
    wait_files(nodes, before)
    return nodes, before


@pytest.mark.parametrize("interval", ["1s", NO_TIMER])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_node_that_was_stopped_catches_up(mesh, how, interval):
    mesh.interval = interval
    nodes, before = with_files(mesh)
    getattr(nodes[2], how)()
    expected = change_things(nodes[1], before)
    nodes[2].start()
    wait_files(nodes, expected)
    wait_equal_lists(nodes)
    # and what it does now reaches the others
    spread(nodes, nodes[2], "d/back", b"here again", SIGNER)


def test_bootstrap_node_that_was_stopped_catches_up(mesh):
    nodes, before = with_files(mesh)
    nodes[0].stop()
    expected = change_things(nodes[1], before)
    nodes[0].start()
    wait_files(nodes, expected)


def test_node_that_was_cut_off_catches_up(mesh):
    """A cable is pulled for long enough that both sides give up, and both go
    on being used meanwhile."""
    if not mesh.net.namespaces:
        pytest.skip("needs network namespaces")
    nodes, before = with_files(mesh)
    a, b, c = nodes
    c.host.down()
    expected = change_things(a, before)
    put_ok(c, Version("d/alone", b"made while alone", SIGNER))
    put_ok(c, Version("d/1", b"lost", SIGNER))
    put_ok(b, Version("d/1", b"won", SIGNER))
    expected.update({"d/alone": b"made while alone", "d/1": b"won"})
    wait_files([a, b], {k: v for k, v in expected.items() if k != "d/alone"})
    wait(nodes, lambda: not connected(c), timeout=4 * PATIENCE)
    c.host.up()
    wait_files(nodes, expected)
    wait_equal_lists(nodes)


def test_cable_pulled_for_a_moment(mesh):
    """Too short for anybody to notice: nothing that was sent is missed."""
    if not mesh.net.namespaces:
        pytest.skip("needs network namespaces")
    mesh.interval = NO_TIMER
    nodes, before = with_files(mesh)
    nodes[2].host.down()
    expected = change_things(nodes[0], before)
    nodes[2].host.up()
    wait_files(nodes, expected)


@pytest.mark.parametrize("interval", ["1s", NO_TIMER])
def test_empty_node_joins_and_fills_up(mesh, interval):
    """Two thousand files, some replaced, some deleted."""
    mesh.interval = interval
    mesh.files = {"many/*": [SIGNER.text]}
    nodes = mesh.grow(3)
    count = 400 if interval == NO_TIMER else 2000
    expected, versions = {}, []
    for i in range(count):
        size = 70_000 if i % 100 == 7 else i % 50 * 20
        versions.append(Version(f"many/{i}", os.urandom(size), SIGNER))
    versions += [Version(f"many/{i}", None if i % 2 else b"new", SIGNER)
                 for i in range(0, count, 9)]
    by_name = {}
    for version in versions:
        by_name.setdefault(version.name, []).append(version)
        expected[version.name] = version.visible

    def upload(names):
        with Client(nodes[0]) as client:
            for name in names:
                for version in by_name[name]:
                    assert client.put(version).status in (200, 201)
    in_threads(*(lambda i=i: upload(list(by_name)[i::8]) for i in range(8)))
    expected = {k: v for k, v in expected.items() if v is not None}
    wait_files(nodes, expected, timeout=2 * PATIENCE)
    fourth = mesh.add()
    wait_files([fourth], expected, timeout=2 * PATIENCE)
    assert wait_equal_lists(mesh.nodes).keys() >= expected.keys()
    # once more from nothing, while two of the others are away
    nodes[0].stop()
    nodes[1].stop()
    fifth = mesh.add(bootstrap=[fourth])
    wait_files([fifth], expected, timeout=2 * PATIENCE)


# --- which version wins ----

def islands(mesh, count):
    """Nodes that do not know of each other yet."""
    return [mesh.add(bootstrap=[]) for _ in range(count)]


def join(mesh):
    first = mesh.nodes[0]
    for node in mesh.nodes[1:]:
        node.config["cluster"]["bootstrap_peers"] = [address(first)]
        reload(node)
    mesh.wait_connected()


def everywhere(mesh, scenarios):
    """scenarios: name -> (versions, in which order they come to each of the
    islands). Then the islands are joined; all must show the winner."""
    nodes = mesh.nodes
    for name, (versions, orders) in scenarios.items():
        for node, order in zip(nodes, orders):
            held = []
            for i in order:
                answer = put(node, versions[i])
                better = not held or versions[i].rank > winner(held).rank
                assert answer.status in ((200, 201) if better else (409,)), (
                    name, answer)
                held.append(versions[i])
    join(mesh)
    expected = {}
    for name, (versions, orders) in scenarios.items():
        best = winner([versions[i] for order in orders for i in order])
        if best.visible is not None:
            expected[name] = best.visible
    wait_files(nodes, expected)
    rows = wait_equal_lists(nodes)
    for name, (versions, orders) in scenarios.items():
        best = winner([versions[i] for order in orders for i in order])
        if best.kind == "file":
            assert rows[name]["signer"] == best.signer.text
    # and it stays so after everybody starts again
    for node in nodes:
        node.stop()
    for node in nodes:
        node.start()
    mesh.wait_connected()
    wait_files(nodes, expected)


def test_newer_wins_in_any_order_of_arrival(mesh):
    orders = list(itertools.permutations(range(3)))
    mesh.files = {f"n{i}": [SIGNER.text] for i in range(8)}
    islands(mesh, 3)
    scenarios = {}
    for i in range(6):
        start = at(seconds_ago=60)
        versions = [Version(f"n{i}", b"%d of %d" % (j, i), SIGNER,
                            at=start + j) for j in range(3)]
        scenarios[f"n{i}"] = versions, [orders[i], orders[(i + 2) % 6],
                                        orders[(i + 5) % 6]]
    # one version an island
    start = at(seconds_ago=60)
    three = [Version("n6", b"%d" % j, SIGNER, at=start + j) for j in range(3)]
    scenarios["n6"] = three, [[2], [0], [1]]
    three = [Version("n7", b"%d" % j, SIGNER, at=start + j) for j in range(3)]
    scenarios["n7"] = three, [[0], [2], []]
    everywhere(mesh, scenarios)


def test_ties_are_broken_alike_everywhere(mesh):
    """One instant, signed twice; two signers of the same text; a delete and
    a file of one instant."""
    mesh.files = {n: [SIGNER.text, OTHER.text] for n in
                  ("instant", "signers", "delete", "delete-newer", "both")}
    islands(mesh, 3)
    t = at(seconds_ago=60)
    instant = [Version("instant", b"%d" % i, SIGNER, at=t) for i in range(4)]
    signers = [Version("signers", b"same", s, at=t) for s in (SIGNER, OTHER)]
    delete = [Version("delete", b"x", SIGNER, at=t),
              Version("delete", None, OTHER, at=t)]
    newer = [Version("delete-newer", None, SIGNER, at=t),
             Version("delete-newer", b"after it", OTHER, at=t + 1)]
    both = [Version("both", b"1", SIGNER, at=t),
            Version("both", b"2", OTHER, at=t),
            Version("both", b"3", OTHER, at=t - 1)]
    everywhere(mesh, {
        "instant": (instant, [[0, 1], [1, 2, 3], [3, 0]]),
        "signers": (signers, [[0], [1], [1, 0]]),
        "delete": (delete, [[0], [1], [0, 1]]),
        "delete-newer": (newer, [[0], [1], [1, 0]]),
        "both": (both, [[2, 0, 1], [1], [0]]),
    })


def test_older_loses_at_every_node(mesh):
    """Directly as well: 409, with what is held."""
    mesh.files = {"a": [SIGNER.text, OTHER.text]}
    nodes = mesh.grow(3)
    held = spread(nodes, nodes[0], "a", b"new", SIGNER)
    for node in nodes:
        for signer in (SIGNER, OTHER):
            answer = put(node, Version("a", b"old", signer,
                                       at=held.at - SECOND))
            assert (answer.status, answer.code) == (409, "not-newer")
            assert answer.json["held_signed_at"]
            refused = control_put(node, Version("a", None, signer,
                                                at=held.at - SECOND))
            assert refused.verdict == "not-newer"
            assert refused.rows == [(wire_row("held"), held.at)]
    wait_content(nodes, "a", b"new")


def wire_row(name):
    import wire
    return wire.ROWS.index(name)


# --- deletes and ends ----

def test_delete_spreads_and_nothing_comes_back(mesh):
    mesh.interval = NO_TIMER
    mesh.files = {"d/e/*": [SIGNER.text], "b": [SIGNER.text]}
    nodes = mesh.grow(3)
    old = spread(nodes, nodes[0], "d/e/a", b"x", SIGNER)
    spread(nodes, nodes[0], "b", b"stays", SIGNER)
    put_ok(nodes[1], Version("d/e/a", None, SIGNER))
    wait_files(nodes, {"b": b"stays"})
    for node in nodes:
        answer = ask(node, "GET", "/files/d/e/a")
        assert (answer.status, answer.code) == (410, "deleted")
        assert put(node, old).code == "not-newer"
    # a node that held it while it was deleted elsewhere
    nodes[2].stop()
    nodes[1].stop()
    nodes[0].stop()
    for node in nodes:
        node.start()
    mesh.wait_connected()
    wait_files(nodes, {"b": b"stays"})
    spread(nodes, nodes[2], "d/e/a", b"again", SIGNER)


def test_end_of_validity_while_running(mesh):
    """Visible no more, anywhere, and what it replaced does not come back."""
    mesh.interval = NO_TIMER
    mesh.files = {"a": [SIGNER.text], "b": [SIGNER.text]}
    nodes = mesh.grow(2)
    spread(nodes, nodes[0], "a", b"for ever", SIGNER)
    spread(nodes, nodes[0], "b", b"for ever", SIGNER)
    valid_for = 8 if IS_ASAN else 3
    spread(nodes, nodes[1], "a", b"for a while", SIGNER, valid_for=valid_for)
    for node in nodes:
        assert listing(node)["a"]["expires_at"]
    wait_files(nodes, {"b": b"for ever"})
    for node in nodes:
        assert ask(node, "GET", "/files/a").status in (404, 410)
    spread(nodes, nodes[0], "a", b"signed anew", SIGNER)


def test_end_of_validity_while_a_node_is_away(mesh):
    mesh.files = {"a": [SIGNER.text], "b": [SIGNER.text]}
    nodes = mesh.grow(3)
    spread(nodes, nodes[0], "a", b"for ever", SIGNER)
    old = spread(nodes, nodes[0], "b", b"soon over", SIGNER, valid_for=4)
    nodes[2].stop()
    put_ok(nodes[0], Version("a", b"for a while", SIGNER, valid_for=1))
    wait_files(nodes[:2], {})
    nodes[2].start()
    wait_files(nodes, {})
    wait_equal_lists(nodes)
    # held by all: older than the one that has ended, so still refused
    for node in nodes:
        stale = Version("a", b"between", SIGNER, at=old.at)
        assert put(node, stale).code == "not-newer"


def test_version_that_has_ended_is_refused_to_a_client(mesh):
    mesh.files = {"a": [SIGNER.text]}
    node = mesh.add()
    answer = put(node, Version("a", b"x", SIGNER, at=at(seconds_ago=100),
                               valid_for=50))
    assert (answer.status, answer.code) == (422, "expired")
    assert files(node) == {} and listing(node) == {}


# --- configurations that differ ----

def since(node):
    """Peer -> when the connection came up."""
    return {p: r["since"] for p, r in peers(node).items()
            if r["state"] == "connected"}


def test_signer_that_some_nodes_know_first(mesh):
    """A version of his wins where he is known; nobody is cut off; the others
    have it once they know him too."""
    mesh.files = {"a": [SIGNER.text], "behind": [SIGNER.text]}
    nodes = mesh.grow(3)
    spread(nodes, nodes[0], "a", b"old", SIGNER)
    nodes[0].config["files"]["a"] = [SIGNER.text, OTHER.text]
    reload(nodes[0])
    before = [since(n) for n in nodes]
    put_ok(nodes[0], Version("a", b"of the other", OTHER))
    # what comes behind it on the same connection has arrived
    spread(nodes, nodes[0], "behind", b"it", SIGNER)
    assert content(nodes[0], "a") == b"of the other"
    for node in nodes[1:]:
        assert content(node, "a") == b"old"
        node.config["files"]["a"] = [SIGNER.text, OTHER.text]
        reload(node)
    wait_content(nodes, "a", b"of the other")
    assert [since(n) for n in nodes] == before
    wait_equal_lists(nodes)


def test_signer_that_is_withdrawn(mesh):
    """His version leaves at the reload; the greatest that remains wins, also
    where it was never held before."""
    mesh.files = {"a": [SIGNER.text, OTHER.text]}
    a, b, c = nodes = mesh.grow(3)
    c.stop()
    spread([a, b], a, "a", b"honest", SIGNER)
    b.stop()
    put_ok(a, Version("a", b"stolen", OTHER))
    c.start()
    wait_content([a, c], "a", b"stolen")
    for node in (a, c):
        node.config["files"]["a"] = [SIGNER.text]
        reload(node)
    wait_content([a], "a", b"honest")
    b.config["files"]["a"] = [SIGNER.text]
    b.write_config()
    b.start()
    wait_content(nodes, "a", b"honest")
    wait_equal_lists(nodes)


def test_name_that_some_nodes_know_first(mesh):
    """It travels only through nodes that are configured for it."""
    mesh.files = {"a": [SIGNER.text]}
    nodes = mesh.grow(3)
    both = {"a": [SIGNER.text], "z/*": [SIGNER.text]}
    nodes[0].config["files"] = dict(both)
    reload(nodes[0])
    before = [since(n) for n in nodes]
    put_ok(nodes[0], Version("z/new", b"new", SIGNER))
    put_ok(nodes[0], Version("z/big", bytes(200_000), SIGNER))
    spread(nodes, nodes[0], "a", b"known to all", SIGNER)
    for node in nodes[1:]:
        assert files(node) == {"a": b"known to all"}
        node.config["files"] = dict(both)
        reload(node)
    wait_files(nodes, {"a": b"known to all", "z/new": b"new",
                       "z/big": bytes(200_000)})
    assert [since(n) for n in nodes] == before
    # and taken out again: the file leaves, here only
    nodes[1].config["files"] = {"a": [SIGNER.text]}
    reload(nodes[1])
    wait_files([nodes[1]], {"a": b"known to all"})
    assert content(nodes[0], "z/new") == b"new"
    assert [since(n) for n in nodes] == before


def wait_silent(node):
    """Until nothing has come from its peers for longer than a walk is put
    off."""
    seen = []

    def is_silent():
        now = time.monotonic()
        count = node.ask("status_net").value("sync_bytes_in")
        if not seen or seen[0][1] != count:
            seen[:] = [(now, count)]
        return now - seen[0][0] > 2
    wait([node], is_silent)


def test_a_name_that_its_store_knows_last(mesh):
    """dm-net asks for the file when its store does not follow the new
    configuration yet, as it is long; that refusal does not last."""
    mesh.interval = NO_TIMER
    mesh.files = {"a": [SIGNER.text]}
    first, second = mesh.grow(2)
    first.config["files"] = second.config["files"] = {
        "a": [SIGNER.text], "z": [SIGNER.text],
        **{f"y{i}/*": [SIGNER.text] for i in range(1000)}}
    reload(first)
    put_ok(first, Version("z", b"new", SIGNER))
    spread(mesh.nodes, first, "a", b"known", SIGNER)
    second.signal_child("dm_store", signal.SIGSTOP)
    pid = second.pid("dm_store")
    reload(second)
    wait_silent(second)
    os.kill(pid, signal.SIGCONT)
    wait_files(mesh.nodes, {"a": b"known", "z": b"new"})


def test_networks_stay_apart(mesh):
    """A node of another network takes nothing and gives nothing."""
    network = Signer()
    mesh.files = {"a": [SIGNER.text]}
    inside = {"network": {"key": network.text}}
    a = mesh.add(**inside)
    b = mesh.add(**inside)
    outside = mesh.add()
    mesh.wait_connected([a, b])
    version = Version("a", b"x", SIGNER, network=network.public)
    put_ok(a, version)
    wait_content([a, b], "a", b"x")
    answer = put(outside, Version("a", b"y", SIGNER))
    assert answer.status == 201
    wait([outside], lambda: not connected(outside))
    assert content(a, "a") == content(b, "a") == b"x"
    assert content(outside, "a") == b"y"
    assert ask(a, "GET", "/healthz").json["network"] == network.text
    refused = put(a, Version("a", b"z", SIGNER))
    assert refused.status == 422
    assert refused.json["network"] == network.text
