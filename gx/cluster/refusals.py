"""The one line of a command that an API server refused, or did not answer."""

from collections.abc import Generator
from contextlib import contextmanager

from common.errors import InputError
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, Reason, UnreachableError


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
        fix = _LOG_IN if _is_nobody(error) else fix
        raise InputError(file=api.origin, key=key, consequence=text, fix=fix) from None


_LOG_IN = "log in, or renew the token"


def _is_nobody(error: Exception) -> bool:
    """Return whether the server does not know who asks: no right that is given to nobody would be a fix."""
    unauthorized = 401
    return isinstance(error, ApiError) and (error.status == unauthorized or '"system:anonymous"' in error.message)


def unreadable(api: KubernetesApi, error: ApiError) -> InputError:
    """Return the line for a cluster that refuses to be read, with the right that is missing."""
    if _is_nobody(error):
        return InputError(file=api.origin, consequence="the cluster does not know these credentials", fix=_LOG_IN)
    if error.reason == Reason.FORBIDDEN:
        fix = "bind the user to a role that may get, list and patch every kind (patches are dry runs)"
        return InputError(file=api.origin, consequence=f"a right is missing: {error.message}", fix=fix)
    return InputError(file=api.origin, consequence=f"the API server refused: {error.message}", fix="see its message")
