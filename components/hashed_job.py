"""HashedJob: a Job that runs once for each content of its scripts, image and inputs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.core.v1 import EnvVarArgsDict

from components.base import GxArgs, GxComponent
from components.pods import plain_env, pod_spec, resources, restricted_container, scratch, secret_env
from gx.catalogue.model import SecretKey
from gx.labels import PartOf

DEADLINE_SECONDS = 600
ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class HashedJobArgs(GxArgs):
    """What a Job runs.

    Attributes:
        part_of: What a person would page somebody about.
        image: Image reference.
        files: Text of each file below /scripts; mounted from a ConfigMap of the Job's name.
        command: Command of the container.
        service_account: ServiceAccount of its pod.
        env: Plain environment variables.
        secrets: Environment variables that are read from Secrets.
        epochs: Whatever else must run it again when it changes, such as a rotation epoch. Never a secret.
    """

    part_of: PartOf
    image: str
    files: Mapping[str, str]
    command: tuple[str, ...]
    service_account: str
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, SecretKey] = field(default_factory=dict[str, SecretKey])
    epochs: Mapping[str, int] = field(default_factory=dict[str, int])

    def content_hash(self) -> str:
        """Return eight hex digits of a hash over everything that the Job runs."""
        content = [self.image, self.files, self.command, self.env, self.epochs]
        secrets = {name: [ref.secret, ref.key] for name, ref in self.secrets.items()}
        text = json.dumps([content, secrets], sort_keys=True, default=dict)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


class HashedJob(GxComponent):
    """A ConfigMap with scripts and a Job `<name>-<hash>`; other content makes a new Job, the same content none.

    Token: gx:job:HashedJob. The Job has no time to live: a Job that vanished would run again at the next refresh.
    """

    TOKEN: ClassVar[str] = "gx:job:HashedJob"

    def __init__(self, name: str, args: HashedJobArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        site = args.site
        full_name = f"{name}-{args.content_hash()}"
        scripts = k8s.core.v1.ConfigMap(
            full_name,
            metadata=site.metadata(full_name, args.part_of, app=name),
            data=dict(args.files),
            opts=self.child("ConfigMap", full_name),
        )
        env: list[EnvVarArgsDict] = [
            *plain_env(args.env),
            {"name": "POD_NAMESPACE", "value_from": {"field_ref": {"field_path": "metadata.namespace"}}},
            *(secret_env(variable, ref.secret, ref.key) for variable, ref in args.secrets.items()),
        ]
        volumes, mounts = scratch(("/tmp",), "64Mi")  # noqa: S108 an emptyDir inside the pod
        pod = pod_spec(
            site.settings.stack.scheduling,
            service_account=args.service_account,
            restart_policy="Never",
            containers=[
                {
                    "name": name,
                    "image": args.image,
                    "image_pull_policy": "IfNotPresent",
                    "command": list(args.command),
                    "env": env,
                    "resources": resources(site.settings.stack.jobs),
                    "security_context": restricted_container(),
                    "volume_mounts": [*mounts, {"name": "scripts", "mount_path": "/scripts", "read_only": True}],
                }
            ],
            volumes=[*volumes, {"name": "scripts", "config_map": {"name": full_name, "default_mode": 0o555}}],
        )
        self.job = k8s.batch.v1.Job(
            full_name,
            metadata=site.metadata(full_name, args.part_of, app=name),
            spec={
                "backoff_limit": ATTEMPTS,
                "active_deadline_seconds": DEADLINE_SECONDS,
                "template": {
                    "metadata": {"labels": site.pod_labels(name, args.part_of, {"app": name})},
                    "spec": pod,
                },
            },
            opts=self.child("Job", full_name, depends_on=[scripts, *args.wait_for]),
        )
        self.register_outputs({"job": full_name})
