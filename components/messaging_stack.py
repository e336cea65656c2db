"""MessagingStack: svc-messaging wired to storage, database and Redis."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from components.arguments import SecretValueArgs, VariableArgs
from components.base import GxComponent
from components.workload import Workload, WorkloadArgs


class MessagingStackArgs(TypedDict):
    """What svc-messaging stands on."""

    name: str
    """Name of its Deployment."""
    workload: WorkloadArgs
    """How it is run, like every other workload."""
    s3: Mapping[str, SecretValueArgs]
    """The variables of its key pair for the bucket."""
    connections: NotRequired[Mapping[str, SecretValueArgs]]
    """The variables of its connections to PostgreSQL and Redis, where they are not those of every backend pod."""


class MessagingStack(GxComponent):
    """svc-messaging, run like every other workload, with the S3 keys of the network.

    Token: gx:messaging:MessagingStack. As found it uses the root pair of the object store; with a user of its own it
    reaches one bucket only (takeover.md 8), with a role of its own it has rights on its own tables (takeover.md 25).
    """

    TOKEN = "gx:messaging:MessagingStack"
    service_name: pulumi.Output[str]
    """Name of the Service in front of it."""

    def __init__(
        self,
        name: str,
        args: MessagingStackArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        own: dict[str, VariableArgs] = {
            name: {"from_secret": value} for name, value in {**args["s3"], **args.get("connections", {})}.items()
        }
        environment = {**args["workload"]["env"], **own}
        self.workload = Workload(
            args["name"],
            {**args["workload"], "env": environment},
            pulumi.ResourceOptions(parent=self),
            wait_for=wait_for,
        )
        self.service_name = self.workload.service_name
        self.register_outputs({"s3Secret": next(iter(args["s3"].values()))["secret"]})
