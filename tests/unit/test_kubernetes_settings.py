"""What Kubernetes refuses beyond its schema is refused in the stack file, in one line."""

from pathlib import Path

import pytest

from common.errors import InputError
from settings.offline import offline_settings
from tests.helpers.stack import Change, edit, mistake, put

EXISTS = {"key": "network", "operator": "Exists", "value": "mainnet", "effect": "NoSchedule"}
SCALING = {"name": "svc-tax-hpa", "minReplicas": 5, "maxReplicas": 3, "cpuPercent": 70, "memoryPercent": 80}
TWICE = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30100}, {"port": 81, "nodePort": 30100}]}
MISTAKES: list[tuple[str, Change, str]] = [
    ("toleration with a value", put("scheduling/tolerations", [EXISTS]), "Exists takes no value"),
    ("toleration's key", put("scheduling/tolerations", [{**EXISTS, "key": "a b", "value": ""}]), "no key of a label"),
    ("autoscaler", put("workloads/svc-tax/autoscaling", SCALING), "minReplicas 5 is above maxReplicas 3"),
    ("namespace label", put("namespaceLabels", {"team": "two words"}), "no value of a label"),
    ("namespace label's key", put("namespaceLabels", {"x y": "!!"}), "no key of a label"),
    (
        "Pod Security by hand",
        put("namespaceLabels", {"pod-security.kubernetes.io/enforce": "privileged"}),
        "Pod Security follows the feature gate pod-security-enforce",
    ),
    (
        "the namespace's own name",
        put("namespaceLabels", {"kubernetes.io/metadata.name": "x"}),
        "is a key that Kubernetes or this program sets",
    ),
    ("label over a line", put("workloads/svc-tax/selector", {"app": "a\nb: c"}), "no value of a label"),
    ("node selector", put("scheduling/nodeSelector", {"a/b/c": "x"}), "no key of a label"),
    ("registry with a scheme", put("registry", "https://host/"), "no image registry"),
    ("registry over a line", put("registry", "x\ny: z"), "no image registry"),
    ("registry without a dot", put("registry", "library"), "no image registry"),
    ("registry's port", put("registry", "10.0.0.1:99999"), "no image registry"),
    ("repository above", put("workloads/svc-tax/repository", "../../evil"), "no repository"),
    ("repository elsewhere", put("workloads/svc-tax/repository", "evil.com/x"), "no repository"),
    (
        "default request",
        put("limitRange/container/defaultRequest/cpu", "64"),
        "defaultRequest.cpu is above default.cpu",
    ),
    ("limits upside down", put("limitRange/container/max/memory", "1Mi"), "default.memory is above max.memory"),
    ("digits", put("quota/requestsCpu", "9" * 400), "more digits than Kubernetes can hold"),
    ("node port twice", put("workloads/svc-tax/service", TWICE), "nodePort 30100 is there 2 times"),
    (
        "node port of a ClusterIP",
        put("workloads/svc-tax/service", {"ports": [{"port": 80, "nodePort": 30100}]}),
        "nodePort needs the type NodePort",
    ),
    ("retired a million times", put("retiredEpochs", {"minioMessagingUser": 1_000_000}), "less than or equal to 1000"),
    ("zone with an umlaut", put("zone", "größe.money"), "no DNS zone"),
    ("zone with an underscore", put("zone", "gx_coin.money"), "no DNS zone"),
    ("zone with a hyphen first", put("zone", "-gx.money"), "no DNS zone"),
    ("zone of one label", put("zone", "money"), "no DNS zone"),
]


@pytest.mark.parametrize(("change", "words"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_it_is_refused(project: Path, change: Change, words: str) -> None:
    assert words in mistake(project, "mainnet", change)


@pytest.mark.parametrize("registry", ["10.43.75.195:5000", "ghcr.io/gx-coin", "localhost:5000", "registry.example.com"])
def test_registries_that_people_have_are_taken(project: Path, registry: str) -> None:
    edit(project, "devnet", put("registry", registry))
    assert offline_settings("devnet", project).stack.registry == registry


@pytest.mark.parametrize("name", ["x;id", "Stagenet", "1net", "stage_net", "-net", "net-", "n" * 56, "größe"])
def test_a_network_whose_name_kubernetes_refuses_is_refused(project: Path, name: str) -> None:
    _copied(project, name)
    with pytest.raises(InputError, match=r"the stack's name = .*: is no name of a namespace and a host"):
        offline_settings(name, project)


def test_the_longest_name_is_taken(project: Path) -> None:
    name = "n" * 55
    _copied(project, name)
    edit(project, name, put("ingress/corsOrigins", [f"https://{name}.gxcoin.money"]))
    assert len(offline_settings(name, project).network.namespace) == 63


def _copied(project: Path, name: str) -> None:
    """Make a network of another name from devnet's files."""
    (project / "Pulumi.devnet.yaml").rename(project / f"Pulumi.{name}.yaml")
    edit(project, name, lambda config: config.pop("promotion", None))
    (project / "networks/devnet").rename(project / "networks" / name)
    release = project / "networks" / name / "release.yaml"
    release.write_text(release.read_text().replace("network: devnet", f"network: {name}"))


@pytest.mark.parametrize("tag", ["LATEST", "devnet", "Testnet", "mainnet"])
def test_a_tag_that_moves_is_refused(project: Path, tag: str) -> None:
    release = project / "networks/devnet/release.yaml"
    release.write_text(release.read_text().replace('svc-tax: {tag: "2.1.5"}', f'svc-tax: {{tag: "{tag}"}}'))
    with pytest.raises(InputError, match=r"workloads\.svc-tax\.tag.* is a tag that moves"):
        offline_settings("devnet", project)
