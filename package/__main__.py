"""The components as a package for Pulumi programs in any language: `pulumi-resource-gx-infra`."""

import sys
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a plugin is started in a folder of its own

from pulumi import ComponentResource, Inputs
from pulumi.provider import main
from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider

from components.backup_job import BackupJob
from components.dns_records import DnsRecords
from components.messaging_stack import MessagingStack
from components.minio_storage import MinioStorage
from components.monitoring_rules import MonitoringRules

COMPONENTS: list[type[ComponentResource]] = [MessagingStack, MinioStorage, BackupJob, MonitoringRules, DnsRecords]
NAME = "gx-infra"
VERSION = "0.1.0"


class Package(ComponentProvider):
    """The SDK's provider of components, with whole numbers as they were written: the protocol hands over 4 as 4.0."""

    def map_inputs(self, inputs: Inputs, component_def: ComponentDefinition) -> Inputs:
        """Return the arguments of a component."""
        return {key: _whole(value) for key, value in super().map_inputs(inputs, component_def).items()}


def _whole(value: Any) -> Any:  # noqa: ANN401 any JSON, and outputs
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in cast("list[Any]", value)]
    return cast("Any", value)


if __name__ == "__main__":
    main(Package(COMPONENTS, NAME, None, VERSION), sys.argv[1:])
