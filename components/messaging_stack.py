"""MessagingStack: svc-messaging wired to storage, database and Redis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from components.base import GxArgs, GxComponent
from components.workload import Workload, WorkloadArgs
from gx.catalogue import MESSAGING
from gx.catalogue.model import SecretKey
from gx.naming import MESSAGING_DATABASE, MINIO_CREDENTIALS, MINIO_MESSAGING_USER
from gx.steps import Step


@dataclass(frozen=True, kw_only=True)
class MessagingStackArgs(GxArgs):
    """What svc-messaging stands on.

    Attributes:
        contents: What ConfigMaps and Secrets hold, by "name/key".
    """

    contents: Mapping[str, pulumi.Input[str]]


class MessagingStack(GxComponent):
    """svc-messaging, run like every other workload, with the S3 keys of the network.

    Token: gx:messaging:MessagingStack. Until the step messaging-s3-user is taken it uses the pair in
    `minio-credentials`, as today; then its own user, which reaches one bucket only (takeover.md 8). The step
    messaging-database-role does the same for the database (takeover.md 25).
    """

    TOKEN: ClassVar[str] = "gx:messaging:MessagingStack"

    def __init__(self, name: str, args: MessagingStackArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        own_user = site.settings.has(Step.MESSAGING_S3_USER)
        secret = MINIO_MESSAGING_USER if own_user else MINIO_CREDENTIALS
        environment = {key: SecretKey(secret, key) for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        if site.settings.has(Step.MESSAGING_DATABASE_ROLE):
            environment["DATABASE_URL"] = SecretKey(MESSAGING_DATABASE, "DATABASE_URL")
        self.workload = Workload(
            MESSAGING.name,
            WorkloadArgs(
                site=site,
                shape=MESSAGING,
                contents=args.contents,
                environment=environment,
                wait_for=args.wait_for,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"s3Secret": secret})
