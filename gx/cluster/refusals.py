"""The one line of a command that an API server refused, or did not answer."""

from collections.abc import Generator
from contextlib import contextmanager

from common.errors import InputError
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError


@contextmanager
def explained(api: KubernetesApi, *, fix: str, key: str = "", consequence: str = "") -> Generator[None]:
    """Ask an API server; where it refuses or does not answer, that becomes the one line of a command.

    Args:
        api: The API server.
        fix: What to do then.
        key: The object that it is about.
        consequence: What that means for the command, said before the server's own words.

    Raises:
        InputError: The server refused, or did not answer.
    """
    try:
        yield
    except (ApiError, UnreachableError) as error:
        text = f"{consequence} ({error})" if consequence else str(error)
        raise InputError(file=api.origin, key=key, consequence=text, fix=fix) from None
