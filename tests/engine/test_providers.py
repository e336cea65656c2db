"""What the provider plugins do in situations that a takeover meets, on the real engine and a real API server.

The plugins are chosen as `gx local` chooses them: the official Kubernetes provider, downloaded or built here; those of
random and Cloudflare as published where the CLI could download them, else emulators that do the same.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
import pytest
from pulumi import automation

from components.cloudflare import CloudflareProvider, DnsRecord
from devcluster.network import ZONE_ID, LocalNetwork
from settings.offline import offline_settings
from settings.project import ROOT
from tests.engine.conftest import Cluster

Program = Callable[[], None]


class Trial:
    """A namespace, and a stack of its own for small programs."""

    def __init__(self, cluster: Cluster, name: str, folder: Path) -> None:
        self.cluster, self.api, self.namespace = cluster, cluster.api, f"trial-{name}"
        self.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        network = LocalNetwork(
            folder=cluster.folder,
            settings=offline_settings("devnet"),
            root=ROOT,
            kubeconfig=cluster.folder.kubeconfig,
            zone_url=cluster.zone_url,
        )
        self.environment = network.environment()
        self.folder, self.name = folder, name

    def stack(self, program: Program) -> automation.Stack:
        """Return the stack with a program."""
        settings = automation.ProjectSettings(name="trial", runtime="python")
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self.folder), env_vars=self.environment, project_settings=settings
        )
        return automation.create_or_select_stack(self.name, project_name="trial", program=program, opts=options)

    def up(self, program: Program, **options: Any) -> dict[str, int]:
        """Run it; return what changed."""
        done = self.stack(program).up(on_output=lambda _: None, **options)
        return {
            str(getattr(kind, "value", kind)): count for kind, count in (done.summary.resource_changes or {}).items()
        }

    def preview(self, program: Program, **options: Any) -> dict[str, int]:
        """Preview it; return what would change."""
        summary = self.stack(program).preview(on_output=lambda _: None, **options).change_summary
        return {str(getattr(kind, "value", kind)): count for kind, count in summary.items()}

    def get(self, kind: str, name: str, api_version: str = "v1") -> dict[str, Any]:
        """Return a live object."""
        found = self.api.get(api_version, kind, self.namespace, name)
        assert found is not None
        return found

    def by_kubectl(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create an object as `kubectl apply` does: client-side, with the copy in an annotation."""
        metadata = {**manifest["metadata"], "namespace": self.namespace}
        copy = json.dumps({**manifest, "metadata": metadata})
        metadata["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": copy}
        return self.api.create({**manifest, "metadata": metadata}, manager="kubectl-client-side-apply")

    def provider(self, **options: Any) -> pulumi.ResourceOptions:
        """Return options with the provider that our programs use."""
        options = {
            "enable_server_side_apply": True,
            "enable_secret_mutable": True,
            "enable_config_map_mutable": True,
            **options,
        }
        provider = k8s.Provider("k8s", cluster_identifier="local", **options)
        return pulumi.ResourceOptions(provider=provider)

    def config_map(self, data: dict[str, str], **options: Any) -> Program:
        """Return a program with one ConfigMap."""

        def program() -> None:
            base = self.provider()
            metadata: Any = {"name": "settings", "namespace": self.namespace, **options.pop("metadata", {})}
            k8s.core.v1.ConfigMap(
                options.pop("logical", "settings"),
                metadata=metadata,
                data=data,
                opts=pulumi.ResourceOptions.merge(base, pulumi.ResourceOptions(**options)),
            )

        return program


@pytest.fixture
def trial(
    cluster: Cluster,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    automation_api: None,
) -> Iterator[Trial]:
    """Return a namespace of the test's own."""
    del automation_api
    name = "".join(c if c.isalnum() else "-" for c in request.node.name.removeprefix("test_").lower())[:40].strip("-")
    trial = Trial(cluster, name, tmp_path)
    monkeypatch.setenv("PATH", trial.environment["PATH"])  # the Automation API looks for the CLI in this process
    yield trial
    cluster.api.delete("v1", "Namespace", "", f"trial-{name}", propagation="Background")


def deployment(trial: Trial, env: dict[str, str], **metadata: Any) -> dict[str, Any]:
    """Return a Deployment of one pod."""
    container = {"name": "web", "image": "web:1", "env": [{"name": key, "value": value} for key, value in env.items()]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": trial.namespace, **metadata},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {**ON_A_NODE, "containers": [container]}},
        },
    }


ON_A_NODE = {"nodeSelector": {"node-id": "vps1"}}


def deployed(trial: Trial, env: dict[str, str], import_: str | None = None, **metadata: Any) -> Program:
    """Return a program with that Deployment."""

    def program() -> None:
        manifest = deployment(trial, env, **metadata)
        options = pulumi.ResourceOptions(import_=import_) if import_ else pulumi.ResourceOptions()
        k8s.apps.v1.Deployment(
            "web",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=pulumi.ResourceOptions.merge(trial.provider(), options),
        )

    return program


def test_create_over_what_another_set_previews_green_and_fails(trial: Trial) -> None:
    """A version that creates says "already exists", one that applies names the field's owner; neither overwrites."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"by": "hand"}}
    trial.by_kubectl(manifest)
    assert trial.preview(trial.config_map({"by": "us"}))["create"] >= 1
    with pytest.raises(automation.CommandError, match=r"already exists|conflict with .kubectl"):
        trial.up(trial.config_map({"by": "us"}))
    assert trial.get("ConfigMap", "settings")["data"] == {"by": "hand"}


def test_an_imported_deployment_loses_what_the_program_does_not_declare(trial: Trial) -> None:
    trial.by_kubectl(deployment(trial, {"KEPT": "1", "EXTRA": "2"}, labels={"old": "label"}))
    annotations = {"pulumi.com/patchFieldManager": "gx-infra"}
    changes = trial.up(deployed(trial, {"KEPT": "1"}, f"{trial.namespace}/web", annotations=annotations))
    assert changes.get("import") == 1
    live = trial.get("Deployment", "web", "apps/v1")
    assert [variable["name"] for variable in live["spec"]["template"]["spec"]["containers"][0]["env"]] == ["KEPT"]
    assert "old" not in live["metadata"].get("labels", {})
    managers = {entry["manager"] for entry in live["metadata"]["managedFields"]}
    assert managers == {"gx-infra", "kube-controller-manager"}
    assert set(trial.preview(deployed(trial, {"KEPT": "1"}, annotations=annotations))) == {"same"}


def test_an_import_of_an_absent_object_fails_the_preview(trial: Trial) -> None:
    with pytest.raises(automation.CommandError, match="does not exist"):
        trial.preview(deployed(trial, {}, f"{trial.namespace}/web"))


def test_an_imported_stateful_set_with_other_claim_templates_is_never_replaced(trial: Trial) -> None:
    def manifest(size: str) -> dict[str, Any]:
        template = {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
        }
        found = deployment(trial, {})
        spec = {**found["spec"], "serviceName": "web", "replicas": 0, "volumeClaimTemplates": [template]}
        return {**found, "kind": "StatefulSet", "spec": spec}

    trial.by_kubectl(manifest("1Gi"))
    uid = trial.get("StatefulSet", "web", "apps/v1")["metadata"]["uid"]

    def program() -> None:
        wanted = manifest("2Gi")
        options = pulumi.ResourceOptions(import_=f"{trial.namespace}/web")
        k8s.apps.v1.StatefulSet(
            "web",
            metadata=wanted["metadata"],
            spec=wanted["spec"],
            opts=pulumi.ResourceOptions.merge(trial.provider(), options),
        )

    with pytest.raises(automation.CommandError, match="previously-imported resources that still specify an ID may not"):
        trial.up(program)
    assert trial.get("StatefulSet", "web", "apps/v1")["metadata"]["uid"] == uid


def test_a_field_of_another_manager_is_a_conflict_until_it_is_forced(trial: Trial) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"by": "helm"}}
    metadata = {"name": "settings", "namespace": trial.namespace}
    trial.api.create({**manifest, "metadata": metadata}, manager="helm")
    imported = {"import_": f"{trial.namespace}/settings"}
    with pytest.raises(automation.CommandError, match="conflict"):
        trial.up(trial.config_map({"by": "us"}, **imported))
    forced = {"annotations": {"pulumi.com/patchForce": "true"}}
    trial.up(trial.config_map({"by": "us"}, metadata=forced, **imported))
    assert trial.get("ConfigMap", "settings")["data"] == {"by": "us"}


def test_what_another_manager_changed_is_put_back_only_with_the_variable_of_the_documents(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/promotion.md: svc-admin rolls an image out, and the release file is to win."""
    trial.up(trial.config_map({"by": "us"}))
    trial.api.patch(trial.get("ConfigMap", "settings"), {"data": {"by": "svc-admin"}}, manager="svc-admin")
    with pytest.raises(automation.CommandError, match=r"conflict with .svc-admin.* \.data\.by"):
        trial.up(trial.config_map({"by": "us"}), refresh=True)
    assert trial.get("ConfigMap", "settings")["data"] == {"by": "svc-admin"}
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    trial.up(trial.config_map({"by": "us"}), refresh=True)
    assert trial.get("ConfigMap", "settings")["data"] == {"by": "us"}


def test_secrets_change_in_place_only_when_they_are_mutable(trial: Trial) -> None:
    def program(value: str, *, mutable: bool) -> Program:
        def run() -> None:
            k8s.core.v1.Secret(
                "key",
                metadata={"name": "key", "namespace": trial.namespace},
                string_data={"key": value},
                opts=trial.provider(enable_secret_mutable=mutable),
            )

        return run

    trial.up(program("one", mutable=True))
    uid = trial.get("Secret", "key")["metadata"]["uid"]
    assert trial.up(program("two", mutable=True)).get("update", 0) >= 1
    assert trial.get("Secret", "key")["metadata"]["uid"] == uid
    assert trial.preview(program("three", mutable=False)).get("replace") == 1


def test_a_service_whose_selector_matches_no_pod_is_no_failure(trial: Trial) -> None:
    """So no run says that a selector is wrong: `gx check` does."""

    def program() -> None:
        options = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="3s"))
        k8s.core.v1.Service(
            "nobody",
            metadata={"name": "nobody", "namespace": trial.namespace},
            spec={"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
            opts=pulumi.ResourceOptions.merge(trial.provider(), options),
        )

    assert trial.up(program)["create"] >= 1
    assert set(trial.preview(program)) == {"same"}


def test_a_deployment_that_never_is_ready_fails_after_its_timeout_and_is_known(trial: Trial) -> None:
    def program() -> None:
        manifest = deployment(trial, {})
        manifest["spec"]["template"]["spec"]["nodeSelector"] = {"node-id": "nowhere"}
        options = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="3s"))
        k8s.apps.v1.Deployment(
            "web",
            metadata=manifest["metadata"],
            spec=manifest["spec"],
            opts=pulumi.ResourceOptions.merge(trial.provider(), options),
        )

    with pytest.raises(automation.CommandError, match="failed to fully initialize or become live"):
        trial.up(program)
    # It exists all the same, and the state knows: the next run goes on with it.
    assert trial.get("Deployment", "web", "apps/v1")
    assert "create" not in trial.preview(program)


def test_skip_await_ends_at_once(trial: Trial) -> None:
    def program() -> None:
        annotations = {"pulumi.com/skipAwait": "true"}
        k8s.core.v1.Service(
            "nobody",
            metadata={"name": "nobody", "namespace": trial.namespace, "annotations": annotations},
            spec={"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
            opts=trial.provider(),
        )

    assert trial.up(program)["create"] >= 1


def test_a_renamed_logical_name_with_its_alias_replaces_nothing(trial: Trial) -> None:
    trial.up(trial.config_map({"a": "b"}))
    uid = trial.get("ConfigMap", "settings")["metadata"]["uid"]
    alias = pulumi.Alias(name="settings")
    assert set(trial.up(trial.config_map({"a": "b"}, logical="renamed", aliases=[alias]))) == {"same"}
    assert trial.get("ConfigMap", "settings")["metadata"]["uid"] == uid


def test_an_unreachable_cluster_previews_green_but_a_lookup_fails(trial: Trial, tmp_path: Path) -> None:
    nowhere = (trial.cluster.folder.kubeconfig).read_text().replace(trial.api.server, "https://127.0.0.1:1")
    (tmp_path / "nowhere").write_text(nowhere)
    trial.environment["KUBECONFIG"] = str(tmp_path / "nowhere")
    assert trial.preview(trial.config_map({"a": "b"}))["create"] >= 1

    def lookup() -> None:
        k8s.core.v1.Secret.get("found", "kube-system/nothing", opts=trial.provider())

    with pytest.raises(automation.CommandError, match="unreachable"):
        trial.preview(lookup)


def test_passwords_are_secret_and_a_protected_one_cannot_rotate(trial: Trial) -> None:
    def program(epoch: str, *, protect: bool) -> Program:
        def run() -> None:
            options = pulumi.ResourceOptions(protect=protect)
            made = random.RandomPassword("pw", length=24, special=False, keepers={"epoch": epoch}, opts=options)
            pulumi.export("value", made.result)

        return run

    trial.up(program("1", protect=True))
    outputs = trial.stack(program("1", protect=True)).outputs()
    assert outputs["value"].secret
    assert len(outputs["value"].value) == 24
    with pytest.raises(automation.CommandError, match="unable to replace resource"):
        trial.up(program("2", protect=True))


def test_an_imported_password_is_its_id(trial: Trial) -> None:
    value = "kept-from-before"

    def program() -> None:
        options = pulumi.ResourceOptions(import_=value, ignore_changes=["*"])
        made = random.RandomPassword("pw", length=len(value), special=True, opts=options)
        pulumi.export("value", made.result)

    trial.up(program)
    assert trial.stack(program).outputs()["value"].value == value


def test_three_records_of_one_name_are_created_and_do_not_change(trial: Trial) -> None:
    def program() -> None:
        provider = CloudflareProvider("zone", None)
        for last in (1, 2, 3):
            DnsRecord(
                f"record-{last}",
                zone_id=ZONE_ID,
                host="trial.gxcoin.money",
                address=f"72.60.210.{last}",
                comment="trial",
                opts=pulumi.ResourceOptions(provider=provider),
            )

    trial.up(program)
    assert set(trial.preview(program, refresh=True)) == {"same"}
    trial.stack(program).destroy(on_output=lambda _: None)
