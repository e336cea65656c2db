"""One network on a local cluster: surroundings, the engine's environment, its runs."""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InputError
from common.known_secrets import remember
from common.objects import mapping, sequence
from devcluster.binaries import find
from devcluster.engine import EngineResult, EngineRun, Event, run_engine
from devcluster.folder import DataFolder
from devcluster.plugins import choose
from devcluster.stack_copy import copy_project
from devcluster.world import apply_world
from gx.cluster.kubernetes_api import KubernetesApi
from settings.project import PROJECT
from settings.settings import Settings

ZONE_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
"""The one zone that the fake for Cloudflare's API serves."""


@dataclass(frozen=True, kw_only=True)
class LocalNetwork:
    """A stack, the cluster that it goes to, and the folder of its state.

    Attributes:
        folder: The data folder.
        settings: The stack's settings.
        root: The project's folder.
        kubeconfig: How the engine reaches the cluster; None for the person's own.
        context: The context in it; empty for the current one.
        zone_url: Base URL of the zone's API.
    """

    folder: DataFolder
    settings: Settings
    root: Path
    kubeconfig: Path | None
    context: str = ""
    zone_url: str = ""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.settings.network.name

    @property
    def project(self) -> Path:
        """The folder of the project's copy, where `pulumi` can be used."""
        return self.folder.stack(self.stack) / "project"

    @property
    def state_file(self) -> Path:
        """The engine's state of the stack."""
        return self.folder.path / "state" / ".pulumi" / "stacks" / PROJECT / f"{self.stack}.json"

    @property
    def locks(self) -> Path:
        """Where the engine notes who works on the stack."""
        return self.folder.path / "state" / ".pulumi" / "locks" / "organization" / PROJECT / self.stack

    @property
    def unfinished(self) -> Path:
        """Exists while the engine works, and after it failed or died: one whose program died removes its own lock."""
        return self.folder.stack(self.stack) / "unfinished"

    def resources(self) -> list[dict[str, Any]]:
        """Return what the state holds, values of secrets encrypted; empty before the first `up`.

        Raises:
            InputError: The state file is no state.
        """
        return self._state("resources")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, from the state."""
        stacks = [resource for resource in self.resources() if resource["type"] == "pulumi:pulumi:Stack"]
        return mapping(stacks[0], "outputs") if stacks else {}

    def _knows(self, namespace: str) -> bool:
        """Whether the state holds the namespace, which the surroundings need before the first run."""
        return any(r["type"].endswith(":Namespace") and r.get("id") == namespace for r in self.resources())

    def pending(self) -> list[dict[str, Any]]:
        """Return the operations whose end the engine could not note; most of the time there are none."""
        return self._state("pending_operations")

    def _state(self, key: str) -> list[dict[str, Any]]:
        try:
            document = json.loads(self.state_file.read_text(encoding="utf-8"))
            found = sequence(document["checkpoint"], "latest", key)
        except FileNotFoundError:
            return []
        except (ValueError, KeyError, AttributeError):
            raise InputError(
                file=str(self.state_file),
                consequence="is no state of the engine, nothing was changed",
                fix=f"put back {self.state_file.name}.bak, or `gx local down --delete` and start again",
            ) from None
        return found

    def prepare(self, api: KubernetesApi, report: Callable[[str], None]) -> Path:
        """Create the surroundings and the copy of the project; return the copy's folder."""
        apply_world(api, self.settings, self.folder, report)
        namespace = self.settings.network.namespace
        return copy_project(
            self.folder,
            self.stack,
            self.root,
            cluster_uid=api.uid(),
            zone_id=ZONE_ID,
            context=self.context,
            namespace_id="" if self._knows(namespace) else namespace,
            node_address=self.settings.stack.nodes[0].address,
        )

    def environment(self) -> dict[str, str]:
        """Return what the engine, or a user's `pulumi`, needs to work on this stack. Secrets are in files."""
        passphrase = self.folder.path / "passphrase"
        if not passphrase.exists():
            if self.state_file.exists():
                raise InputError(
                    file=str(passphrase),
                    consequence="is gone: the secrets of the state cannot be read any more, nothing was changed",
                    fix="put the file back, or `gx local down --delete` and start again",
                )
            passphrase.touch(mode=0o600)
            text = secrets.token_urlsafe(24)
            remember(text)
            passphrase.write_text(text, encoding="utf-8")
        state = self.folder.path / "state"
        state.mkdir(exist_ok=True)
        plugins = choose(self.folder)
        path = os.pathsep.join([plugins.path, str(find("pulumi").parent), os.environ.get("PATH", "")])
        kubeconfig = self.kubeconfig or os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config"
        return {
            "PATH": path,
            "PULUMI_HOME": str(plugins.home),
            # Else each write empties a sidecar first: an engine killed then says "failed to load checkpoint: EOF".
            "PULUMI_BACKEND_URL": f"file://{state}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "KUBECONFIG": str(kubeconfig),
            "CLOUDFLARE_BASE_URL": self.zone_url,
            "CLOUDFLARE_API_TOKEN": "local",
        }

    def run(
        self,
        operation: str,
        on_event: Callable[[Event], None] = lambda _: None,
        options: Mapping[str, Any] | None = None,
    ) -> EngineResult:
        """Run the engine on the stack's copy.

        Raises:
            EngineError: The engine failed.
        """
        run = EngineRun(
            operation=operation,
            stack=self.stack,
            project=self.project,
            environment=self.environment(),
            options=options or {},
        )
        self.unfinished.parent.mkdir(parents=True, exist_ok=True)
        self.unfinished.touch()
        result = run_engine(run, on_event)
        self.unfinished.unlink(missing_ok=True)
        return result
