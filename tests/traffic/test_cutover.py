"""The cut-over of a node: real iptables rules in a network namespace, as they were made by hand on production."""

import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import InputError, Interrupted
from gx.edge.drain import RECORD, Cutover, node_of, still_in_dns
from settings.offline import offline_settings
from settings.settings import Settings
from tests.conftest import tool
from tests.helpers.command import gx_words
from tests.helpers.network import add_address, own_network
from tests.helpers.stack import edit
from tests.traffic.world import certificate_for

NODE, PORT = "72.60.210.201", 18443
TO = "-j DNAT --to-destination 10.42.2.204"
MINE = [
    f'-A PREROUTING -d {NODE}/32 -p tcp -m tcp --dport 80 -m comment --comment "a b" {TO}:80',
    f"-A PREROUTING -d {NODE}/32 -p tcp -m tcp --dport 443 {TO}:443",
    "-A POSTROUTING -d 10.42.2.204/32 -p tcp -j MASQUERADE",
]
OTHERS = [
    "-A PREROUTING -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.42.7.7:22",
    "-A PREROUTING -j CNI-HOSTPORT-DNAT",
    "-A POSTROUTING -s 10.42.0.0/16 ! -d 10.42.0.0/16 -j MASQUERADE",
]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    """Make a node with the hand-made rules and their saved copy; return the folder that stands for its disk."""
    tool("iptables", "iptables")
    with own_network():
        add_address(NODE)
        subprocess.run(["iptables", "-t", "nat", "-N", "CNI-HOSTPORT-DNAT"], check=True)
        for rule in [*MINE, *OTHERS]:
            subprocess.run(f"iptables -w -t nat {rule}", shell=True, check=True)  # noqa: S602 as a user typed it
        root = tmp_path / "node"
        (root / "etc/sysconfig").mkdir(parents=True)
        saved = subprocess.run(["iptables-save", "-t", "nat"], capture_output=True, text=True, check=True).stdout
        (root / "etc/sysconfig/iptables").write_text(saved)
        yield root


def rules() -> list[str]:
    listed = subprocess.run(["iptables", "-w", "-t", "nat", "-S"], capture_output=True, text=True, check=True).stdout
    return sorted(line for line in listed.splitlines() if line.startswith("-A"))


def saved(root: Path) -> str:
    return (root / "etc/sysconfig/iptables").read_text()


@pytest.fixture
def work(node: Path) -> Cutover:
    settings = offline_settings("mainnet")
    return Cutover(settings, node_of(settings, "vps1"), via="env", root=str(node), port=PORT)


@pytest.fixture
def served(node: Path, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Return a function that has the node serve the API's host, as the edge proxy does."""
    assert node
    public, private = certificate_for(["api.gxcoin.money"])
    file = tmp_path / "host.pem"
    file.write_bytes(public + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    listeners: list[socket.socket] = []

    def serve() -> None:
        listener = socket.create_server((NODE, PORT))
        listeners.append(listener)
        threading.Thread(target=_answer, args=(listener, context), daemon=True).start()

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _answer(listener: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as secure:
                secure.recv(1000)
                secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_check_names_the_rules_and_where_they_come_back_from(work: Cutover) -> None:
    before = rules()
    code, said = work.run("check")
    assert code == 0
    assert all(rule in said for rule in MINE)
    assert not any(rule in said for rule in OTHERS)
    assert "comes back at boot: /etc/sysconfig/iptables" in said
    assert rules() == before, "nothing was changed"


def test_the_rules_go_and_only_they(work: Cutover, node: Path, served: Callable[[], None]) -> None:
    served()
    lines: list[str] = []
    assert work.execute(lines.append) == 0
    assert rules() == sorted(OTHERS)
    assert not any(rule in saved(node) for rule in MINE), "and do not come back at boot"
    assert all(rule in saved(node) for rule in OTHERS)
    assert "removed: 3 rules" in lines[0]
    code, said = work.run("check")
    assert (code, said) == (0, "in force: none\n")


def test_a_node_that_does_not_serve_gets_everything_back(work: Cutover, node: Path) -> None:
    before, before_saved = rules(), saved(node)
    lines: list[str] = []
    assert work.execute(lines.append) == 1
    assert "does not answer for api.gxcoin.money" in lines[1]
    assert rules() == before
    assert saved(node) == before_saved


def test_the_way_back_is_a_command_and_can_be_repeated(work: Cutover, node: Path, served: Callable[[], None]) -> None:
    before, before_saved = rules(), saved(node)
    served()
    work.execute(lambda _: None)
    for _ in range(2):
        work.run("restore")
        assert rules() == before
        assert saved(node) == before_saved


def test_a_script_that_makes_the_rules_anew_is_named_and_left_to_a_person(
    work: Cutover, node: Path, served: Callable[[], None]
) -> None:
    served()
    script = node / "usr/local/bin/update-mainnet-dnat.sh"
    script.parent.mkdir(parents=True)
    script.write_text('iptables -t nat -A PREROUTING -p tcp --dport 443 -j DNAT --to-destination "$POD_IP":443\n')
    assert "by hand: /usr/local/bin/update-mainnet-dnat.sh" in work.run("check")[1]
    assert work.execute(lambda _: None) == 3
    assert script.exists()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("etc/ufw/before.rules", "-A PREROUTING -p tcp --dport 443 -j DNAT --to-destination 10.42.1.7:443"),
        ("etc/firewalld/direct.xml", "<rule>-p tcp --dport 80 -j DNAT --to-destination 10.42.1.7:80</rule>"),
        ("etc/firewalld/zones/public.xml", '<forward-port port="80" protocol="tcp" to-addr="10.42.1.7"/>'),
        ("etc/network/if-up.d/forward", 'iptables -t nat -A PREROUTING -j DNAT --to-destination "$POD"'),
        ("etc/nftables.d/web.nft", "tcp dport 443 dnat ip to 10.42.1.7:443"),
        ("etc/systemd/system/forward.service", "ExecStart=iptables -t nat -A X -j DNAT --to-destination 10.42.1.7"),
        ("opt/scripts/forward.sh", "iptables -t nat -A PREROUTING -j DNAT --to-destination $POD"),
    ],
)
def test_every_place_that_brings_the_rules_back_is_named(work: Cutover, node: Path, file: str, text: str) -> None:
    (node / file).parent.mkdir(parents=True)
    (node / file).write_text(f"{text}\n")
    (node / "etc/hosts").write_text("10.42.1.7 a-pod\n10.43.0.1 a-service\n")
    found = work.run("check")[1]
    assert [line for line in found.splitlines() if line.startswith("by hand")] == [f"by hand: /{file}"]
    assert found.count("/etc/sysconfig/iptables") == 1, "a saved rule set is changed by the command itself"


def test_a_second_removal_does_not_overwrite_the_record(work: Cutover, node: Path, served: Callable[[], None]) -> None:
    served()
    work.execute(lambda _: None)
    kept = (node / RECORD.lstrip("/") / "rules").read_text()
    with pytest.raises(InputError, match="a removal was begun before"):
        work.run("remove")
    assert (node / RECORD.lstrip("/") / "rules").read_text() == kept


class Interrupting(Cutover):
    """Somebody presses Ctrl-C while the node is verified."""

    def answers(self) -> str:
        """Be interrupted."""
        raise Interrupted


def test_what_was_removed_comes_back_when_it_is_interrupted(work: Cutover, node: Path) -> None:
    before, before_saved = rules(), saved(node)
    with pytest.raises(Interrupted) as caught:
        Interrupting(work.settings, work.node, work.via, work.root, work.port).execute(lambda _: None)
    assert caught.value.state == "everything is as it was on vps1: restored: 3 rules"
    assert (rules(), saved(node)) == (before, before_saved)


def test_a_removal_that_fails_half_way_puts_everything_back(work: Cutover, node: Path, tmp_path: Path) -> None:
    before, before_saved = rules(), saved(node)
    failing = tmp_path / "bin/iptables"
    failing.parent.mkdir()
    failing.write_text(
        '#!/bin/sh\ncase "$*" in *-D*443*) echo "no memory" >&2; exit 4;; esac\nexec /usr/sbin/iptables "$@"\n'
    )
    failing.chmod(0o755)
    broken = replace(work, via=f"env PATH={failing.parent}:{os.environ['PATH']}")
    with pytest.raises(InputError, match=r"a rule could not be removed: .*443.*; everything is as it was on vps1"):
        broken.execute(lambda _: None)
    assert (rules(), saved(node)) == (before, before_saved)
    with pytest.raises(InputError, match=r"a rule could not be removed"):
        broken.run("remove")
    assert (rules(), saved(node)) == (before, before_saved), "the script does it itself, if nobody can any more"


def test_a_way_back_that_fails_is_said(work: Cutover, tmp_path: Path) -> None:
    once = tmp_path / "once"
    once.write_text(
        '#!/bin/sh\nfor last; do :; done\ncase "$*" in *remove*) exec "$@";; esac\necho gone >&2; exit 255\n'
    )
    once.chmod(0o755)
    with pytest.raises(InputError, match=r"were NOT put back \(gone\): gx edge cutover mainnet vps1 --via .* --back"):
        replace(work, via=str(once)).execute(lambda _: None)


def test_a_refused_second_cutover_leaves_the_node_as_it_serves(work: Cutover, served: Callable[[], None]) -> None:
    served()
    work.execute(lambda _: None)
    with pytest.raises(InputError, match=r"a removal was begun before.*; everything is as it was"):
        work.execute(lambda _: None)
    assert rules() == sorted(OTHERS), "the rules of the first one stay away"


def test_after_a_way_back_it_can_be_tried_again(work: Cutover, node: Path, served: Callable[[], None]) -> None:
    assert work.execute(lambda _: None) == 1
    served()
    assert work.execute(lambda _: None) == 0
    assert rules() == sorted(OTHERS)
    assert not any(rule in saved(node) for rule in MINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_puts_the_node_back_and_says_what_is_true(project: Path, tmp_path: Path, number: int) -> None:
    """The whole command, on a node that takes connections and then says nothing."""
    edit(project, "mainnet", lambda config: config["edge"].update(activeNodes=["vps2", "vps3"]))
    calls, via = tmp_path / "calls", tmp_path / "via"
    via.write_text(f'#!/bin/sh\ncat >/dev/null\necho "$4" >>{calls}\necho "$4 was done"\n')
    via.chmod(0o755)
    command = gx_words("edge", "cutover", "mainnet", "vps1")
    with own_network():
        add_address(NODE)
        with (
            socket.create_server((NODE, 443)) as silent,
            subprocess.Popen(
                [*command, "--via", str(via), "--execute"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as child,
        ):
            connection, _ = silent.accept()
            child.send_signal(number)
            _, errors = child.communicate(timeout=300)
            connection.close()
    assert calls.read_text().split() == ["check", "remove", "restore"]
    assert errors.decode() == "interrupted; everything is as it was on vps1: restore was done\n"
    assert child.returncode == 128 + number


def test_a_node_that_cannot_be_reached_is_one_line() -> None:
    settings = offline_settings("mainnet")
    for via, words in (("no-such-program", "cannot be run"), ("false", "ended with 1")):
        with pytest.raises(InputError, match=words):
            Cutover(settings, node_of(settings, "vps1"), via=via).run("check")


def test_a_node_in_dns_is_not_touched(project: Path) -> None:
    def drained(*active: str) -> Settings:
        edit(project, "mainnet", lambda config: config["edge"].update(activeNodes=list(active)))
        return offline_settings("mainnet", project)

    settings = offline_settings("mainnet")
    assert "set gx-infra:edge.activeNodes to [vps2, vps3]" in still_in_dns(settings, node_of(settings, "vps1"), None)
    settings = drained("vps2", "vps3")
    assert still_in_dns(settings, node_of(settings, "vps1"), None) == ""
    with pytest.raises(InputError, match="no node of this network has that id"):
        node_of(settings, "vps4")
    with pytest.raises(InputError, match="this network has no edge"):
        node_of(offline_settings("devnet"), "vps4")
