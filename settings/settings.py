"""One frozen value that the whole program is built from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pulumi

from catalogue import CATALOGUE
from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from catalogue.workload_spec import WorkloadSpec
from common.naming import Network
from settings.adoption import Adoption
from settings.model import StackFile, WorkloadSettings
from settings.release import Release


@dataclass(frozen=True)
class Settings:
    """Everything `program.build` needs.

    Attributes:
        network: The network and every name that derives from it.
        stack: The clear-text settings of the stack file.
        release: The versions of the network.
        secrets: Encrypted settings by key, as secret outputs; absent ones are generated or not needed.
        adoption: The record of what was taken over on the pinned cluster; None where nothing was.
        imports: While the network is adopted, the id of what is imported, by kind and name (takeover.md 3).
        others: Names of the other networks.
    """

    network: Network
    stack: StackFile
    release: Release
    secrets: Mapping[str, pulumi.Output[str]]
    imports: Mapping[str, str] = field(default_factory=dict[str, str])
    others: tuple[str, ...] = ()
    adoption: Adoption | None = None

    @property
    def taken_over(self) -> bool:
        """Whether objects of the network were made by hand; it stays so when their adoption is closed."""
        return bool(self.adoption and self.adoption.managed_components)

    @property
    def taking_over(self) -> bool:
        """Whether a create is to go over what lives: while a network is adopted, not on a cluster of this machine."""
        return self.stack.adopt and self.adoption is not None and self.adoption.managed_components is not None

    @property
    def adopted(self) -> tuple[ManagedComponent, ...]:
        """The components that were made by hand and that the stack now owns: one that leaves the list would be deleted.

        All of them once adoption was closed (`adopt` is false again), none on a network that the program made itself.
        """
        if self.adoption is None or self.adoption.managed_components == ():
            return ()
        return (self.adoption.managed_components or ()) if self.stack.adopt else tuple(ManagedComponent)

    @property
    def old_policies(self) -> Mapping[str, Mapping[str, Any]]:
        """The policies made by hand that still live beside the program's, by name (takeover.md 23)."""
        if self.adoption is None or self.has(FeatureGate.RETIRE_OLD_POLICIES):
            return {}
        return self.adoption.old_policies

    def has(self, gate: FeatureGate) -> bool:
        """Return whether the network has enabled a feature gate."""
        return gate in self.stack.feature_gates

    def manages(self, component: ManagedComponent) -> bool:
        """Return whether the stack manages a component."""
        return component in self.stack.managed_components

    @cached_property
    def workloads(self) -> Mapping[str, WorkloadSpec]:
        """The workloads of the catalogue that the network runs, by name: not those that its release calls absent."""
        return {name: spec for name, spec in CATALOGUE.items() if name in self.release.workloads}

    def image(self, workload: str) -> str:
        """Return the image reference of a workload of the catalogue."""
        repository = self.workload(workload).repository or workload
        return self.release.workloads[workload].reference(self.stack.registry, repository, self.network.name)

    def platform_image(self, name: str) -> str:
        """Return the image reference of one of the program's own servers or Jobs."""
        return self.release.platform[name].reference(self.stack.registry, name, self.network.name)

    def workload(self, workload: str) -> WorkloadSettings:
        """Return the network's settings of a workload."""
        return self.stack.workloads[workload]

    def replicas(self, workload: str, *, worker: bool) -> int:
        """Return how many pods a workload keeps; workers rest while blockchain features are switched off."""
        return 0 if worker and not self.stack.fabric_enabled else self.workload(workload).replicas
