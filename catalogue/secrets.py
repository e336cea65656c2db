"""Every secret that the program generates or is given: the one table that settings, adoption and rotation read."""

from dataclasses import dataclass

from common.naming import (
    MESSAGING_DATABASE,
    MINIO,
    MINIO_BACKUP_USER,
    MINIO_CREDENTIALS,
    MINIO_MESSAGING_USER,
    MINIO_METRICS_USER,
    MINIO_RESTORE_USER,
    TEST_USERS,
    WALLET_AUTH,
)


@dataclass(frozen=True, kw_only=True)
class GeneratedSecret:
    """A random value that the program makes; a higher epoch in the stack file makes a new one.

    Attributes:
        name: Its name in `secretEpochs` and `retiredEpochs`, and for `gx rotate`.
        secret: The Kubernetes Secret that its readers read.
        key: The key of that Secret, where one workload reads it as a variable of that name.
        length: Characters of the value (letters and digits).
        settings: Encrypted settings that hold the live value of an adopted network, and win over the generated one.
        holders: Workloads whose live containers hold the value, as "Kind/name": another value would lock them out.
        two_values: Whether the old value stays valid beside the new one until it is retired.
        reader: The Deployment that must have the new value before the old one is retired; none for Jobs.
        effect: What a rotation restarts, and who notices.
    """

    name: str
    secret: str
    key: str = ""
    length: int = 48
    settings: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    two_values: bool = False
    reader: str = ""
    effect: str


MINIO_ROOT = GeneratedSecret(
    name="minioRoot",
    secret=MINIO_CREDENTIALS,
    settings=("minioRootUser", "minioRootPassword"),
    holders=(f"StatefulSet/{MINIO}", f"Deployment/{MINIO}"),
    effect="MinIO restarts (seconds without voice messages and files); without messaging-s3-user svc-messaging too",
)
MESSAGING_USER = GeneratedSecret(
    name="minioMessagingUser",
    secret=MINIO_MESSAGING_USER,
    two_values=True,
    reader="svc-messaging",
    effect="svc-messaging rolls once it has its own user; no request fails",
)
BACKUP_USER = GeneratedSecret(
    name="minioBackupUser",
    secret=MINIO_BACKUP_USER,
    two_values=True,
    effect="the next backup uses the new pair",
)
RESTORE_USER = GeneratedSecret(
    name="minioRestoreUser", secret=MINIO_RESTORE_USER, two_values=True, effect="the next restore uses the new pair"
)
METRICS_USER = GeneratedSecret(
    name="minioMetricsUser",
    secret=MINIO_METRICS_USER,
    two_values=True,
    reader="backup-metrics",
    effect="the pod of the backup's metrics restarts; Prometheus needs the new token of minio-metrics",
)
DATABASE_ROLE = GeneratedSecret(
    name="messagingDatabaseRole",
    secret=MESSAGING_DATABASE,
    two_values=True,
    reader="svc-messaging",
    effect="svc-messaging rolls once it has its own role; no request fails",
)
NEXTAUTH_SECRET = GeneratedSecret(
    name="nextauthSecret",
    secret=WALLET_AUTH,
    key="NEXTAUTH_SECRET",
    settings=("nextauthSecret",),
    holders=("Deployment/gx-wallet-frontend",),  # a literal in the live container: moved, not generated again
    effect="the wallet restarts and every user is logged out",
)
TEST_USER_PASSWORD = GeneratedSecret(
    name="testUsers",
    secret=TEST_USERS,
    effect="the Job of the test users runs again; they log in with the new password",
)
GENERATED: dict[str, GeneratedSecret] = {
    row.name: row
    for row in (
        MINIO_ROOT,
        MESSAGING_USER,
        BACKUP_USER,
        RESTORE_USER,
        METRICS_USER,
        DATABASE_ROLE,
        NEXTAUTH_SECRET,
        TEST_USER_PASSWORD,
    )
}
"""Every generated secret, by its name."""
REDIS_PASSWORD = "redisPassword"
"""What `gx rotate` calls the password of Redis, which others own: its Secret and key stand in the stack file."""

OFFSITE_PAIR = ("offsiteAccessKeyId", "offsiteSecretAccessKey")
KEY_PAIRS = (MINIO_ROOT.settings, OFFSITE_PAIR)
"""Encrypted settings of which one is useless without the other."""
ENCRYPTED = tuple(
    sorted(
        (
            "cloudflareApiToken",
            "offsiteAgeIdentity",
            *OFFSITE_PAIR,
            *(key for row in GENERATED.values() for key in row.settings),
        )
    )
)
"""Encrypted settings. All are optional: the engine's schema cannot say so, hence they are not in Pulumi.yaml."""


def live_settings(location: str) -> tuple[str, ...]:
    """Return the encrypted settings that must hold the live value before an object is taken over.

    Args:
        location: The object, as "Kind/name": a Secret of the table, or a workload that holds its value.
    """
    rows = (row for row in GENERATED.values() if location in {f"Secret/{row.secret}", *row.holders})
    return next((row.settings for row in rows), ())
