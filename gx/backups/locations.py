"""The buckets that hold snapshots and their status: where they are, and the key pairs that open them."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from backup.s3 import BucketLocation
from common.errors import InputError
from common.naming import BACKUP_STATUS_BUCKET, MINIO_BACKUP_USER, OFFSITE
from common.objects import Object
from gx.cluster.credentials import credential
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.port_forward import forwarded
from gx.cluster.secret_values import read_secret, text_of
from settings.settings import Settings


def secret_pair(api: KubernetesApi, namespace: str, name: str) -> tuple[str, str]:
    """Return a key pair from a Secret of the network.

    Raises:
        InputError: The Secret cannot be read.
    """
    live = read_secret(api, namespace, name)
    location = f"Secret {namespace}/{name}"
    return _key_of(api, live, location, "AWS_ACCESS_KEY_ID"), _key_of(api, live, location, "AWS_SECRET_ACCESS_KEY")


def _key_of(api: KubernetesApi, live: Object, location: str, key: str) -> str:
    fix = "put the key pair back: `pulumi up` writes it again"
    found = credential(text_of(live, key), file=api.origin, key=f"{location}/{key}", fix=fix)
    if not found:
        raise InputError(file=api.origin, key=f"{location}/{key}", consequence="is empty or not there", fix=fix)
    return found


def offsite_location(settings: Settings, access_key: str, secret_key: str) -> BucketLocation | None:
    """Return the off-site bucket with a key pair, or None where the network has none."""
    target = settings.stack.backup.offsite
    if target is None:
        return None
    return BucketLocation(
        endpoint=target.endpoint,
        bucket=target.bucket,
        prefix=target.prefix,
        region=target.region,
        access_key=access_key,
        secret_key=secret_key,
    )


@contextmanager
def locations(
    settings: Settings, api: KubernetesApi | None, endpoint: str, context: str
) -> Generator[tuple[BucketLocation, BucketLocation | None]]:
    """Open the status bucket and the off-site bucket.

    With a cluster, keys come from its Secrets; without, from the environment (AWS_* and OFFSITE_AWS_*).

    Raises:
        InputError: A key is missing, or MinIO cannot be reached.
    """
    namespace = settings.network.namespace
    if api is not None:
        pair = secret_pair(api, namespace, MINIO_BACKUP_USER)
        outside = secret_pair(api, namespace, OFFSITE) if settings.stack.backup.offsite else ("", "")
    else:
        pair = _from_environment("")
        outside = _from_environment("OFFSITE_") if settings.stack.backup.offsite else ("", "")
    offsite = offsite_location(settings, *outside)
    if endpoint:
        yield _status_location(endpoint, pair), offsite
        return
    with forwarded(namespace, context) as address:
        yield _status_location(address, pair), offsite


def _status_location(endpoint: str, pair: tuple[str, str]) -> BucketLocation:
    return BucketLocation(endpoint=endpoint, bucket=BACKUP_STATUS_BUCKET, access_key=pair[0], secret_key=pair[1])


def _from_environment(prefix: str) -> tuple[str, str]:
    return _key_from_environment(f"{prefix}AWS_ACCESS_KEY_ID"), _key_from_environment(f"{prefix}AWS_SECRET_ACCESS_KEY")


def _key_from_environment(name: str) -> str:
    fix = "set it, or let --context read the Secret"
    found = credential(os.environ.get(name, ""), file="gx backups", key=name, fix=fix)
    if not found:
        consequence = "is not set in the environment, and no --context names a cluster"
        raise InputError(file="gx backups", key=name, consequence=consequence, fix=fix)
    return found
