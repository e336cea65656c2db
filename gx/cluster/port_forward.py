"""A local port that leads to MinIO, which has no address outside the cluster."""

import re
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from common.errors import InputError
from common.naming import MINIO, MINIO_PORT

FORWARD_SECONDS = 20
_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@contextmanager
def forwarded(namespace: str, context: str) -> Generator[str]:
    """Forward a free local port to MinIO for as long as it is needed; yield its URL.

    Raises:
        InputError: kubectl is missing, or cannot forward.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise InputError(
            file="kubectl",
            consequence="is not on PATH: MinIO has no address outside the cluster",
            fix="install it, or forward a port yourself and name it with --endpoint",
        )
    command = [
        kubectl,
        *(["--context", context] if context else []),
        "-n",
        namespace,
        "port-forward",
        f"service/{MINIO}",
    ]
    process = subprocess.Popen(  # noqa: S603 the user's own kubectl
        [*command, f":{MINIO_PORT}", "--address", "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = _FORWARDED.search(line)
        if match is None:
            raise InputError(
                file="kubectl port-forward",
                key=f"service/{MINIO}",
                consequence=line.strip() or "ended at once",
                fix="see its message, or forward a port yourself and name it with --endpoint",
            )
        yield f"http://127.0.0.1:{match[1]}"
    finally:
        process.terminate()
        process.wait(FORWARD_SECONDS)
        if process.stdout is not None:
            process.stdout.close()
