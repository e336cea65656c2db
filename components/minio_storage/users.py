"""MinioUsers: bucket, rules and users of the object store, made by a Job before anybody gets a key pair."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from common.files import text_beside
from common.labels import PartOf
from common.naming import MINIO, MINIO_CREDENTIALS, MINIO_USERS
from components.arguments import ResourcesArgs, SchedulingArgs, SecretValueArgs
from components.base import GxComponent, metadata
from components.hashed_job import HashedJob
from components.minio_storage.policies import StatementArgs, lifecycle_document, lifecycle_rules, metrics_token, policy

LIVE_LABELS = {"app": MINIO, "component": "storage"}
ACCESS_KEY, SECRET_KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
TOKEN = "token"


class BucketUserArgs(TypedDict):
    """A user of the object store for one purpose: everything that no statement allows is refused."""

    purpose: str
    """What it is for; with the epoch it is the access key, which is no secret."""
    secret: str
    """The Secret in which its consumer reads the pair."""
    statements: Sequence[StatementArgs]
    epoch_name: str
    """What its generated key is called."""
    epoch: int
    """Raised for a new pair: a second user beside the first."""
    retired: NotRequired[int]
    """Users of this epoch and of those before it are removed."""
    metrics: NotRequired[bool]
    """Whether its Secret also holds the bearer token by which Prometheus reads the server's metrics."""


class MinioUsersArgs(TypedDict):
    """What the provisioning Job needs."""

    namespace: pulumi.Input[str]
    endpoint: str
    image: str
    """Image with MinIO's client."""
    bucket: str
    status_bucket: str
    """Bucket for what backup runs say of themselves."""
    noncurrent_days: int
    """Days that a replaced or deleted version is kept."""
    expiry_days: Mapping[str, int]
    """Days that an object lives, by prefix."""
    root_epoch: int
    """Epoch of the root pair: with another one the Job runs again."""
    users: Sequence[BucketUserArgs]
    resources: ResourcesArgs
    scheduling: SchedulingArgs


class MinioUsers(GxComponent):
    """The provisioning Job, and one Secret per user for its consumer.

    Token: gx:storage:MinioUsers. The Job reads all pairs from `minio-users`, makes the users and reads them back;
    only then do the consumers' Secrets change, so no pod ever starts with a pair that MinIO does not know. A raised
    epoch makes a second user beside the first, which stays until its epoch is retired.

    Attributes:
        credentials: The variables of a user's pair, by purpose.
        ready: What pods with such a pair wait for.
    """

    TOKEN = "gx:storage:MinioUsers"

    def __init__(
        self,
        name: str,
        args: MinioUsersArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        self._namespace = args["namespace"]
        pairs = {user["purpose"]: self._pair(user) for user in args["users"]}
        everyone = self._secret(MINIO_USERS, {_variable(purpose): key for purpose, (_, key) in pairs.items()})
        self.job = self._provision(args, (everyone, *wait_for))
        self.credentials: dict[str, dict[str, SecretValueArgs]] = {}
        consumers: list[pulumi.Resource] = []
        for user in args["users"]:
            access_key, secret_key = pairs[user["purpose"]]
            values = {ACCESS_KEY: pulumi.Output.from_input(access_key), SECRET_KEY: secret_key}
            self.credentials[user["purpose"]] = {
                key: {"secret": user["secret"], "key": key, "content": value} for key, value in values.items()
            }
            if user.get("metrics"):
                values[TOKEN] = pulumi.Output.secret(
                    secret_key.apply(lambda key, access_key=access_key: metrics_token(access_key, key))
                )
            consumers.append(self._secret(user["secret"], values, (self.job,)))
        self.ready: tuple[pulumi.Resource, ...] = (self.job, *consumers)
        self.register_outputs({"users": len(pairs)})

    def _pair(self, user: BucketUserArgs) -> tuple[str, pulumi.Output[str]]:
        name = f"{user['epoch_name']}-key-{user['epoch']}"
        return _access_key(user, user["epoch"]), self.generated(name, network=self._namespace)

    def _secret(
        self, name: str, values: Mapping[str, pulumi.Output[str]], wait_for: tuple[pulumi.Resource, ...] = ()
    ) -> k8s.core.v1.Secret:
        return k8s.core.v1.Secret(
            name,
            metadata=metadata(name, PartOf.STORAGE, namespace=self._namespace, labels=LIVE_LABELS, app=MINIO),
            string_data=dict(values),
            opts=self.child(wait_for),
        )

    def _provision(self, args: MinioUsersArgs, wait_for: tuple[pulumi.Resource, ...]) -> k8s.batch.v1.Job:
        users = args["users"]
        rules = lifecycle_rules(args["noncurrent_days"], args["expiry_days"])
        retired = [_access_key(user, n) for user in users for n in range(1, user.get("retired", 0) + 1)]
        return HashedJob(
            "minio-provision",
            {
                "namespace": args["namespace"],
                "part_of": PartOf.STORAGE,
                "image": args["image"],
                "files": {
                    "provision.sh": text_beside(__file__, "provision.sh"),
                    "lifecycle.json": lifecycle_document(rules),
                    **{f"{user['purpose']}.json": policy(user["statements"]) for user in users},
                },
                "command": ("/bin/sh", "/scripts/provision.sh"),
                "service_account": "minio-provision",
                "env": {
                    "S3_ENDPOINT": args["endpoint"],
                    "BUCKET": args["bucket"],
                    "STATUS_BUCKET": args["status_bucket"],
                    "LIFECYCLE_RULES": " ".join(str(rule["ID"]) for rule in rules),
                    "USERS": " ".join(f"{u['purpose']}:{u['epoch']}:{_variable(u['purpose'])}" for u in users),
                    "RETIRED": " ".join(retired),
                },
                "secrets": {
                    "MINIO_ROOT_USER": {"secret": MINIO_CREDENTIALS, "key": "MINIO_ROOT_USER"},
                    "MINIO_ROOT_PASSWORD": {"secret": MINIO_CREDENTIALS, "key": "MINIO_ROOT_PASSWORD"},
                    **{_variable(u["purpose"]): {"secret": MINIO_USERS, "key": _variable(u["purpose"])} for u in users},
                },
                "epochs": {"minioRoot": args["root_epoch"]},
                "resources": args["resources"],
                "scheduling": args["scheduling"],
            },
            pulumi.ResourceOptions(parent=self),
            wait_for=wait_for,
        ).job


def _access_key(user: BucketUserArgs, epoch: int) -> str:
    """Return the access key of an epoch: two epochs are two users, so that one can retire after the other."""
    return f"{user['purpose']}-{epoch}"


def _variable(purpose: str) -> str:
    return f"{purpose.upper().replace('-', '_')}_SECRET_KEY"
