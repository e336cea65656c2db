"""How a kubeconfig says that a cluster is reached: read by the official client's loader, its secrets checked here."""

import logging
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import kubernetes.client  # pyright: ignore[reportUnusedImport] used through a name without types
import kubernetes.config
import urllib3
from kubernetes.config import kube_config

from common.errors import InputError
from common.known_secrets import remember
from gx.cluster.credentials import credential

_SECRET_KEY = re.compile(r"token$|password|secret|key-data$", re.IGNORECASE)
_AGAIN = urllib3.Retry(
    total=None,
    connect=0,
    read=0,
    redirect=0,
    other=0,
    status=3,
    allowed_methods={"GET", "PATCH"},  # twice is as good as once
    status_forcelist={429, 500, 502, 503, 504},
    backoff_factor=0.5,
    retry_after_max=10,
    raise_on_redirect=False,
    raise_on_status=False,
)
"""A server that is busy, or starts again, is asked three times more: within 3 s, or when it says, at most 10 s each."""
_BEARER = "BearerToken"  # the loader's name for the header, whatever its scheme is


def configuration_of(kubeconfig: Path | None, context: str) -> Any:  # noqa: ANN401 the generated client has no types
    """Return the client's configuration for a context; arguments and errors are those of `KubernetesApi.connect`."""
    library: Any = kubernetes
    file = str(kubeconfig) if kubeconfig else "kubeconfig"
    configuration: Any = library.client.Configuration()
    configuration.retries = _AGAIN
    try:
        _remember_secrets(kubeconfig)
        with _logged_in(file):
            library.config.load_kube_config(
                config_file=str(kubeconfig) if kubeconfig else None,
                context=context or None,
                client_configuration=configuration,
            )
    except InputError:
        raise
    except kubernetes.config.ConfigException as error:
        raise InputError(
            file=file,
            key=f"context {context}" if context else "",
            consequence=f"no cluster can be reached ({_without_entries(error)})",
            fix="name an existing context (`kubectl config get-contexts`) or set KUBECONFIG",
        ) from None
    except Exception as error:  # noqa: BLE001 the loader raises whatever YAML, base64 and files raise
        raise InputError(
            file=file,
            consequence=f"cannot be read ({_without_entries(error)})",
            fix="write it again, with embedded data",
        ) from None
    _check_token(configuration, file)
    renew = configuration.refresh_api_key_hook

    def renew_and_check(changed: Any) -> None:  # noqa: ANN401
        with _logged_in(file):
            renew(changed)
        changed.refresh_api_key_hook = renew_and_check  # the loader has put its own back
        _check_token(changed, file)

    if renew is not None:
        configuration.refresh_api_key_hook = renew_and_check
    return configuration


@contextmanager
def _logged_in(file: str) -> Generator[None]:
    """Refuse a login that failed: the loader only logs that, and would go on as nobody.

    Raises:
        InputError: The program or the provider of the user's entry gave no credentials.
    """
    said: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    logging.getLogger().addHandler(listener)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(listener)
    if said:
        raise InputError(
            file=file,
            key="the user's login",
            consequence=f"gave no credentials, so nothing was asked ({' '.join(_without_entries(said[-1]).split())})",
            fix="log in, or run what the user's entry names and see what it says",
        )


def _check_token(configuration: Any, file: str) -> None:  # noqa: ANN401
    """Check what the loader made of the token, a file that holds it, or a program that prints it."""
    scheme, _, text = str(configuration.api_key.get(_BEARER, "")).partition(" ")
    if not scheme:
        return
    token = credential(text, file=file, key="the user's token", fix="write the token alone, on one line")
    if not token:
        raise InputError(file=file, key="the user's token", consequence="is empty", fix="log in, or write the token")
    configuration.api_key[_BEARER] = f"{scheme} {token}"


def _remember_secrets(kubeconfig: Path | None) -> None:
    """Remember every secret of every user first: the loader's errors can hold an entry with all that is in it."""
    paths = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    merged: Any = kube_config.KubeConfigMerger(paths)
    for document in merged.config_files.values():
        remember(*_secrets_of(document.get("users")))


def _secrets_of(value: object, key: str = "") -> Iterator[object]:
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        name = str(entries.get("name", ""))  # a variable of a program that prints a token
        for inner, below in entries.items():
            yield from _secrets_of(below, name if inner == "value" else str(inner))
    elif isinstance(value, list):
        for below in cast("list[object]", value):
            yield from _secrets_of(below, key)
    elif _SECRET_KEY.search(key):
        yield value


def _without_entries(error: Exception | str) -> str:
    """Return the loader's message without the entries that it prints whole."""
    return re.sub(r"/?\{.*\}(/\S*)?", "", str(error), flags=re.DOTALL)
