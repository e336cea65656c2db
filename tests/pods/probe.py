"""Run inside a pod's network: `listen PORT/PROTOCOL...` answers on ports, `ask ADDRESS` tries connections from it."""

import asyncio
import json
import socket
import sys

SECONDS = 2.0
# A question for the address of a name, as any resolver sends it; whoever listens here answers anything.
_QUESTION = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x00\x00\x01\x00\x01"


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.transport.sendto(data, addr)  # type: ignore[attr-defined]


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, answered: "asyncio.Future[bool]") -> None:
        self.answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 the library's names
        if not self.answered.done():
            self.answered.set_result(True)

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002 the library's name
        if not self.answered.done():
            self.answered.set_result(False)


async def listen(ports: list[str]) -> None:
    """Answer on ports on which nobody does yet, until this process is ended."""
    loop = asyncio.get_running_loop()
    for text in ports:
        number, protocol = text.split("/")
        try:
            if protocol == "TCP":
                await asyncio.start_server(lambda _, writer: writer.close(), "0.0.0.0", int(number))  # noqa: S104
            else:
                await loop.create_datagram_endpoint(_Echo, local_addr=("0.0.0.0", int(number)))  # noqa: S104
        except OSError:
            continue  # the pod's own server is there
    print("listening", flush=True)
    await asyncio.Event().wait()


async def _open(own: str, address: str, number: int, protocol: str) -> bool:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(SECONDS):
            if protocol == "TCP":
                _, writer = await asyncio.open_connection(address, number, local_addr=(own, 0))
                writer.close()
                return True
            answered: asyncio.Future[bool] = loop.create_future()
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Answer(answered), local_addr=(own, 0), remote_addr=(address, number), family=socket.AF_INET
            )
            transport.sendto(_QUESTION)
            try:
                return await answered
            finally:
                transport.close()
    except (OSError, TimeoutError):
        return False


async def ask(own: str) -> None:
    """Try every connection of the list on standard input from an address; print which were answered."""
    wanted = json.load(sys.stdin)
    print(json.dumps(await asyncio.gather(*(_open(own, *one) for one in wanted))))


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[2:]) if sys.argv[1] == "listen" else ask(sys.argv[2]))
