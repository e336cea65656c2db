"""What several unit tests share."""

import threading
from collections.abc import Iterator

import pytest

from tools.plugins.zone_api import EmulatedZone, Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Run a zone on a free port."""
    server = Server(EmulatedZone())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
