"""HashedJob: a Job that runs once for each content of its scripts, image and inputs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import EnvVarArgsDict

from common.labels import PartOf, component_labels
from components.arguments import ResourcesArgs, SchedulingArgs, SecretValueArgs
from components.base import GxComponent, metadata
from components.pods import plain_env, pod_spec, resources, restricted_container, scratch, secret_env

DEADLINE_SECONDS = 600
ATTEMPTS = 3


class HashedJobArgs(TypedDict):
    """What a Job runs."""

    namespace: pulumi.Input[str]
    part_of: PartOf
    """What somebody on call would be paged about."""
    image: str
    files: Mapping[str, str]
    """Text of each file below /scripts; mounted from a ConfigMap of the Job's name."""
    command: Sequence[str]
    service_account: str
    env: Mapping[str, str]
    secrets: Mapping[str, SecretValueArgs]
    """Environment variables that are read from Secrets."""
    epochs: NotRequired[Mapping[str, int]]
    """Whatever else must run it again when it changes, such as a rotation epoch. Never a secret."""
    resources: ResourcesArgs
    scheduling: SchedulingArgs


def content_hash(args: HashedJobArgs) -> str:
    """Return eight hex digits of a hash over everything that the Job runs."""
    content = [args["image"], args["files"], args["command"], args["env"], args.get("epochs", {})]
    secrets = {name: [ref["secret"], ref["key"]] for name, ref in args["secrets"].items()}
    text = json.dumps([content, secrets], sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class HashedJob(GxComponent):
    """A ConfigMap with scripts and a Job `<name>-<hash>`; other content makes a new Job, the same content none.

    Token: gx:job:HashedJob. The Job has no time to live: a Job that vanished would run again at the next refresh.
    """

    TOKEN = "gx:job:HashedJob"

    def __init__(
        self,
        name: str,
        args: HashedJobArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        wait_for: Sequence[pulumi.Resource] = (),
    ) -> None:
        super().__init__(name, opts)
        full_name = f"{name}-{content_hash(args)}"
        described = metadata(full_name, args["part_of"], namespace=args["namespace"], app=name)
        scripts = k8s.core.v1.ConfigMap(full_name, metadata=described, data=dict(args["files"]), opts=self.child())
        env: list[EnvVarArgsDict] = [
            *plain_env(args["env"]),
            {"name": "POD_NAMESPACE", "value_from": {"field_ref": {"field_path": "metadata.namespace"}}},
            *(secret_env(variable, ref) for variable, ref in args["secrets"].items()),
        ]
        volumes, mounts = scratch(("/tmp",), "64Mi")  # noqa: S108 an emptyDir inside the pod
        pod = pod_spec(
            args["scheduling"],
            service_account=args["service_account"],
            restart_policy="Never",
            containers=[
                {
                    "name": name,
                    "image": args["image"],
                    "image_pull_policy": "IfNotPresent",
                    "command": list(args["command"]),
                    "env": env,
                    "resources": resources(args["resources"]),
                    "security_context": restricted_container(),
                    "volume_mounts": [*mounts, {"name": "scripts", "mount_path": "/scripts", "read_only": True}],
                }
            ],
            volumes=[*volumes, {"name": "scripts", "config_map": {"name": full_name, "default_mode": 0o555}}],
        )
        self.job = k8s.batch.v1.Job(
            full_name,
            metadata=described,
            spec={
                "backoff_limit": ATTEMPTS,
                "active_deadline_seconds": DEADLINE_SECONDS,
                "template": {
                    "metadata": {"labels": {**component_labels(name, args["part_of"]), "app": name}},
                    "spec": pod,
                },
            },
            opts=self.child([scripts, *wait_for]),
        )
        self.register_outputs({"job": full_name})
