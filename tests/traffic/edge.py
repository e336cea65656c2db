"""HAProxy with the rendered configuration, and small servers behind it."""

import importlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from components.edge_proxy.config import CONFIG, SCRIPT, SOURCES, EdgeConfig
from settings.project import ROOT

dnslib: Any = importlib.import_module("dnslib")  # it has no types
dnslib.server = importlib.import_module("dnslib.server")
HOST = "ingress-nginx-controller.ingress-nginx.svc.cluster.local"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; fail if it does not become so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.05)


class Edge:
    """The proxy's script with HAProxy under it, as in the pod."""

    def __init__(self, config: EdgeConfig) -> None:
        self.config = config
        self.folder = Path(config.folder)
        self._process: subprocess.Popen[bytes] | None = None

    def write(self) -> None:
        """Write the files, each replaced whole, as a mounted ConfigMap changes."""
        for name, text in ((SOURCES, self.config.sources_file()), (CONFIG, self.config.text())):
            part = self.folder / f"{name}.part"
            part.write_text(text)
            part.replace(self.folder / name)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write()
        shutil.copy(ROOT / "components/edge_proxy" / SCRIPT, self.folder / SCRIPT)
        command = ["sh", str(self.folder / SCRIPT), str(self.folder), "0.2"]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        wait_until(lambda: connects("127.0.0.1", self.config.listen[2]) or not self.running)
        assert self.running, self.log()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            subprocess.run(["pkill", "-KILL", "-P", str(self._process.pid)], check=False)
            self._process.kill()
            self._process.wait()

    def ready(self) -> bool:
        """Whether it says that the controller answers."""
        return httpx.get(f"http://127.0.0.1:{self.config.listen[2]}/readyz").status_code == 200

    def log(self) -> str:
        """Return what it has written."""
        return (self.folder / "log").read_text()

    @property
    def running(self) -> bool:
        """Whether the script runs."""
        return self._process is not None and self._process.poll() is None


def connects(address: str, port: int) -> bool:
    """Return whether somebody listens."""
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


class EchoServer:
    """Answers each message with its own name and the message; stands for the ingress controller."""

    def __init__(self, address: str, port: int, name: str = "one") -> None:
        self.location, self.name = (address, port), name
        self._connections: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        listener = socket.create_server(self.location, backlog=512, reuse_port=True)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Die as a killed pod does: nobody listens, and every connection ends."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while message := connection.recv(4096):
                connection.sendall(f"{self.name}:".encode() + message)


def ask(port: int, source: str, message: bytes = b"hello", address: str = "127.0.0.1") -> bytes:
    """Open a connection from a source address, say something, and return the answer."""
    with socket.create_connection((address, port), timeout=5, source_address=(source, 0)) as connection:
        connection.sendall(message)
        return connection.recv(4096)


class Names:
    """What the DNS server answers: one address for every name, or none."""

    def __init__(self, address: str) -> None:
        self.address: str | None = address

    def resolve(self, request: Any, _handler: object) -> Any:
        """Answer one question, as the library asks for it."""
        reply = request.reply()
        if self.address:
            reply.add_answer(dnslib.RR(request.q.qname, dnslib.QTYPE.A, rdata=dnslib.A(self.address), ttl=1))
        return reply


@contextmanager
def cluster_dns(address: str, location: tuple[str, int]) -> Generator[Names]:
    """Run a DNS server that knows the controller's Service."""
    names = Names(address)
    server = dnslib.server.DNSServer(names, address=location[0], port=location[1], logger=_Silent())
    server.start_thread()
    try:
        yield names
    finally:
        server.stop()
        server.server.server_close()


class _Silent:
    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_arguments: None


def scratch() -> Path:
    """Return a new folder for one proxy's files."""
    return Path(tempfile.mkdtemp(prefix="gx-edge-"))
