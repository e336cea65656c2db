"""The cut-over of one node from hand-made iptables rules to the edge proxy, with checks and a way back."""

import secrets
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from common.errors import InputError, Interrupted, uninterrupted
from common.files import text_beside
from gx.cluster.zone import Zone
from settings.project import PROJECT, stack_file
from settings.settings import Settings
from settings.traffic import Node

RECORD = "/var/lib/gx-edge/before-cutover"
BY_HAND = 3
_SECONDS = 10


@dataclass(frozen=True)
class Cutover:
    """One node, and how to run something on it.

    Attributes:
        settings: The settings of the network.
        node: The node.
        via: The command that runs a shell on the node as root, such as "ssh root@ADDRESS".
        root: Prefix of every path on the node; empty but in tests.
        port: The port that is verified.
    """

    settings: Settings
    node: Node
    via: str
    root: str = ""
    port: int = 443

    def run(self, action: str, removal: str = "") -> tuple[int, str]:
        """Run one action of the script on the node; return its exit code and what it said.

        Args:
            action: The action, as the script names it.
            removal: Names a removal in its record; with it only that one is restored.

        Raises:
            InputError: The node cannot be reached, or the script refused.
        """
        arguments = [action, RECORD, *([self.root] if self.root else [])]
        command = [*shlex.split(self.via), "bash", "-s", "--", *arguments]
        try:
            done = subprocess.run(  # noqa: S603 the command that the person has named
                command,
                input=f"removal={shlex.quote(removal)}\n{text_beside(__file__, 'cutover.sh')}",
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self._stopped(f"cannot be run ({error})", "name a command that gives root's shell") from None
        if done.returncode not in (0, BY_HAND):
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise self._stopped(said[-1] if said else f"ended with {done.returncode}", "correct what the line names")
        return done.returncode, done.stdout

    def _stopped(self, consequence: str, fix: str) -> InputError:
        return InputError(file=f"node {self.node.id}", key=self.via, consequence=consequence, fix=fix)

    def answers(self) -> str:
        """Ask the node for the API's health over TLS, as Cloudflare does; return what is wrong, or an empty text.

        The certificate's name is not evaluated: the trusted one may come after the cut-over.
        """
        host = self.settings.network.api_host
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        request = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        try:
            with (
                socket.create_connection((self.node.address, self.port), timeout=_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=host) as secure,
            ):
                secure.sendall(request)
                status = secure.recv(64).split(b"\r\n")[0].decode(errors="replace")
        except OSError as error:
            return f"{self.node.address}:{self.port} does not answer for {host} ({error})"
        return "" if status.split(" ")[1:2] == ["200"] else f"{host} answers on {self.node.address} with {status!r}"

    def execute(self, report: Callable[[str], None]) -> int:
        """Remove the rules, verify the node, and put everything back when it does not answer or anything else fails.

        Returns 0, 1 when it was put back, 3 when a file on the node must be changed by hand.

        Raises:
            InputError: The rules cannot be removed, or not be put back; the line says what is true on the node.
            Interrupted: It says so, too.
        """
        removal = secrets.token_hex(8)
        try:
            code, said = self.run("remove", removal)
            report(said.rstrip())
            wrong = self.answers()
            if not wrong:
                return code
            report(f"the node does not serve: {wrong}")
        except BaseException as error:
            _, state = self._put_back(removal)
            if isinstance(error, Interrupted):
                error.state = state
            elif isinstance(error, InputError):
                raise self._stopped(f"{error.consequence}; {state}", error.fix) from None
            else:
                sys.stderr.write(f"{state}\n")
            raise
        done, state = self._put_back(removal)
        if not done:
            raise self._stopped(f"does not serve ({wrong}); {state}", "put the rules back, at once")
        report(state)
        return 1

    def _put_back(self, removal: str) -> tuple[bool, str]:
        """Put back what one removal has removed; return whether that is done, and what is true on the node now."""
        try:
            with uninterrupted():
                said = self.run("restore", removal)[1].strip()
        except InputError as error:
            name = self.settings.network.name
            way = f"gx edge cutover {name} {self.node.id} --via {shlex.quote(self.via)} --back"
            return False, f"the rules may be gone, and were NOT put back ({error.consequence}): {way}"
        return True, f"everything is as it was on {self.node.id}: {' '.join(said.split())}"


def node_of(settings: Settings, name: str) -> Node:
    """Return a node of the network by its id.

    Raises:
        InputError: There is none, or this network has no edge.
    """
    file = stack_file(settings.network.name)
    if not settings.stack.edge.enabled:
        fix = "name the production network"
        raise InputError(file=file, key=f"{PROJECT}:edge.enabled", consequence="this network has no edge", fix=fix)
    for node in settings.stack.nodes:
        if node.id == name:
            return node
    known = ", ".join(node.id for node in settings.stack.nodes)
    raise InputError(file=file, key=name, consequence="no node of this network has that id", fix=f"use one of {known}")


def still_in_dns(settings: Settings, node: Node, zone: Zone | None) -> str:
    """Return why a node must not be touched yet, or an empty text: users may still be sent to it."""
    active = settings.stack.edge.active_nodes
    if active is None or node.id in active:
        others = [other.id for other in settings.stack.nodes if other.id != node.id]
        wanted = f"set {PROJECT}:edge.activeNodes to [{', '.join(others)}] and run `pulumi up`"
        return f"{node.id} is in DNS: {wanted} first"
    hosts = {settings.network.api_host, settings.network.wallet_host} if zone else set[str]()
    for host in sorted(hosts):
        assert zone is not None
        if any(record.content == node.address for record in zone.records(host)):
            return f"the zone still has {host} -> {node.address}: run `pulumi up` first"
    return ""
