"""MinioUsers: bucket, rules and users of the object store, made by a Job before anybody gets a key pair."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s

from components.base import GxArgs, GxComponent
from components.hashed_job import HashedJob, HashedJobArgs
from gx.assets import asset
from gx.catalogue.model import SecretKey
from gx.labels import PartOf
from gx.naming import BACKUP_STATUS_BUCKET, MINIO, MINIO_CREDENTIALS, MINIO_METRICS_USER, MINIO_USERS
from gx.steps import Step
from gx.storage import (
    MINIO_USERS_BY_PURPOSE,
    MinioUser,
    lifecycle_document,
    lifecycle_rules,
    metrics_token,
)

LIVE_LABELS = {"app": MINIO, "component": "storage"}
ACCESS_KEY, SECRET_KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"


@dataclass(frozen=True, kw_only=True)
class MinioUsersArgs(GxArgs):
    """What every component needs is all that it takes."""


class MinioUsers(GxComponent):
    """The provisioning Job, and one Secret per user for its consumer.

    Token: gx:storage:MinioUsers. The Job reads all pairs from `minio-users`, makes the users and reads them back;
    only then do the consumers' Secrets change, so no pod ever starts with a pair that MinIO does not know. A raised
    epoch makes a second user beside the first, which stays until its epoch is listed under `retiredEpochs`. `contents`
    holds what the Secrets hold, by "name/key"; `ready` is what pods with such a pair wait for.
    """

    TOKEN: ClassVar[str] = "gx:storage:MinioUsers"

    def __init__(self, name: str, args: MinioUsersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        pairs = {user.purpose: self._pair(user) for user in MINIO_USERS_BY_PURPOSE.values()}
        everyone = self._secret(MINIO_USERS, {_variable(purpose): key for purpose, (_, key) in pairs.items()})
        self.job = self._provision(wait_for=(everyone, *args.wait_for))
        self.contents: dict[str, pulumi.Output[str]] = {}
        consumers: list[pulumi.Resource] = []
        for purpose, (access_key, secret_key) in pairs.items():
            user = MINIO_USERS_BY_PURPOSE[purpose]
            values = {ACCESS_KEY: pulumi.Output.from_input(access_key), SECRET_KEY: secret_key}
            if user.secret == MINIO_METRICS_USER:
                values["token"] = pulumi.Output.secret(
                    secret_key.apply(lambda key, access_key=access_key: metrics_token(access_key, key))
                )
            self.contents.update({f"{user.secret}/{key}": value for key, value in values.items()})
            consumers.append(self._secret(user.secret, values, wait_for=(self.job,)))
        self.ready: tuple[pulumi.Resource, ...] = (self.job, *consumers)
        self.register_outputs({"users": len(pairs)})

    def _pair(self, user: MinioUser) -> tuple[str, pulumi.Output[str]]:
        access_key = user.access_key(self.site.settings.stack.epoch(user.epoch))
        return access_key, self.generated(f"{user.epoch}-key", epoch=user.epoch)

    def _secret(
        self, name: str, values: dict[str, pulumi.Output[str]], wait_for: tuple[pulumi.Resource, ...] = ()
    ) -> k8s.core.v1.Secret:
        return k8s.core.v1.Secret(
            name,
            metadata=self.site.metadata(name, PartOf.STORAGE, labels=LIVE_LABELS, app=MINIO),
            string_data=dict(values),
            opts=self.child("Secret", name, depends_on=wait_for),
        )

    def _provision(self, wait_for: tuple[pulumi.Resource, ...]) -> k8s.batch.v1.Job:
        settings = self.site.settings
        users = MINIO_USERS_BY_PURPOSE.values()
        rules = lifecycle_rules(
            noncurrent_days=settings.stack.minio.noncurrent_days, expire_objects=settings.has(Step.BUCKET_EXPIRY)
        )
        triples = [f"{u.purpose}:{settings.stack.epoch(u.epoch)}:{_variable(u.purpose)}" for u in users]
        retired = [u.access_key(n) for u in users for n in range(1, settings.stack.retired_epochs.get(u.epoch, 0) + 1)]
        args = HashedJobArgs(
            site=self.site,
            part_of=PartOf.STORAGE,
            image=settings.platform_image("minio-client"),
            files={
                "provision.sh": asset("scripts/minio-provision.sh"),
                "lifecycle.json": lifecycle_document(rules),
                **{f"{user.purpose}.json": user.policy(settings.network) for user in users},
            },
            command=("/bin/sh", "/scripts/provision.sh"),
            service_account="minio-provision",
            env={
                "S3_ENDPOINT": settings.network.minio_url,
                "BUCKET": settings.network.bucket,
                "STATUS_BUCKET": BACKUP_STATUS_BUCKET,
                "LIFECYCLE_RULES": " ".join(str(rule["ID"]) for rule in rules),
                "USERS": " ".join(triples),
                "RETIRED": " ".join(retired),
            },
            secrets={
                "MINIO_ROOT_USER": SecretKey(MINIO_CREDENTIALS, "MINIO_ROOT_USER"),
                "MINIO_ROOT_PASSWORD": SecretKey(MINIO_CREDENTIALS, "MINIO_ROOT_PASSWORD"),
                **{_variable(user.purpose): SecretKey(MINIO_USERS, _variable(user.purpose)) for user in users},
            },
            epochs={"minioRoot": settings.stack.epoch("minioRoot")},
            wait_for=wait_for,
        )
        return HashedJob("minio-provision", args, opts=pulumi.ResourceOptions(parent=self)).job


def _variable(purpose: str) -> str:
    return f"{purpose.upper().replace('-', '_')}_SECRET_KEY"
