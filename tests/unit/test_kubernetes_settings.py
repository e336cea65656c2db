"""What Kubernetes refuses beyond its schema is refused in the stack file, in one line."""

from pathlib import Path

import pytest

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
