"""Every rule of the pack on what the real engine handed over for a stack that exists.

It was unchanged, or a rotation was in progress. Values of secrets are replaced by the letter S.
"""

import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from common.labels import OLD_POLICY
from common.plan import Plan
from common.values import Secret, walk
from rules import RULES
from rules.finding import Severity
from rules.security import SHORTEST_SECRET, check_images
from rules.stacks import Registered, plan_of_stack
from settings.project import ROOT
from tests.helpers.mutate import container
from tests.helpers.pack import Entry, Pack, Stack, entry, handed_over

Damage = Callable[[Stack], object]
WARNINGS = {"DaemonSet/edge-proxy", "StatefulSet/minio", "CronJob/minio-backup", "Pulumi.mainnet.yaml"}
SECRET = "S" * 40
"""What stands in the recordings in the place of a password."""
PREFIX = "nginx.ingress.kubernetes.io/"


RECORDINGS = ROOT / "tests/policy/recordings"


def read(name: str) -> Stack:
    return json.loads(gzip.decompress((RECORDINGS / f"{name}.json.gz").read_bytes()))


RECORDED = {name: read(name) for name in ("unchanged", "rotated")}


@pytest.fixture(params=RECORDED)
def recorded(request: pytest.FixtureRequest) -> Stack:
    """Return each recording in turn, to be changed at will."""
    return copy.deepcopy(RECORDED[request.param])


def props(resources: Stack, kind: str, name: str) -> dict[str, Any]:
    return entry(resources, kind, name)["props"]


def tax(resources: Stack) -> dict[str, Any]:
    return container(props(resources, "Deployment", "svc-tax"))


def annotated(key: str, value: str) -> Damage:
    return lambda found: props(found, "Ingress", "gx-backend-ingress")["metadata"]["annotations"].update({key: value})


def configured(value: str) -> Damage:
    return lambda found: props(found, "ConfigMap", "backend-config")["data"].update(X=value)


def handed(**changed: Any) -> Damage:
    return lambda found: props(found, "Context", "policy-context").update(changed)


def by_hand(found: Stack) -> None:
    """Have a policy that was made by hand, and lets everybody in."""
    old = copy.deepcopy(entry(found, "NetworkPolicy", "default-deny-all"))
    old["urn"], old["name"] = f"{old['urn']}-by-hand", "allow-all"
    old["props"]["metadata"]["name"] = "allow-all"
    old["props"]["metadata"]["labels"][OLD_POLICY] = "true"
    old["props"]["spec"] = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    found.append(old)


def no_key(found: Stack) -> None:
    reference = {"secretKeyRef": {"name": "gx-connections", "key": "NOWHERE"}}
    tax(found)["env"].append({"name": "A", "valueFrom": reference})


def no_secret(found: Stack) -> None:
    tax(found)["env"].append({"name": "A", "valueFrom": {"secretKeyRef": {"name": "minio-nowhere", "key": "K"}}})


def paths(found: Stack) -> list[dict[str, Any]]:
    return props(found, "Ingress", "gx-backend-ingress")["spec"]["rules"][0]["http"]["paths"]


def tie(found: Stack) -> None:
    handed(controller="traefik")(found)
    paths(found).extend([{**paths(found)[0], "path": "/a"}, {**paths(found)[0], "path": "/a/b", "pathType": "Exact"}])


def in_a_component(found: Stack) -> None:
    props(found, "MinioUsers", "minio-users")["key"] = SECRET


def in_an_annotation(found: Stack) -> None:
    props(found, "Secret", "minio-restore")["metadata"]["annotations"]["key"] = SECRET


def on_one_node_port(found: Stack) -> None:
    for name in ("svc-admin", "svc-tax"):
        props(found, "Service", name)["spec"]["ports"][0]["nodePort"] = 30123


def lost(found: Stack) -> None:
    """The components are adopted, and one of them is gone with all that was below it."""
    handed(adopted=["storage", "dns", "workloads"])(found)
    found[:] = [one for one in found if "gx:traffic:DnsRecords" not in one["urn"]]


def only_read(found: Stack) -> Entry:
    """Return a Secret of others as the engine would show it if it handed over what is only read."""
    secret = copy.deepcopy(entry(found, "Secret", "gx-connections"))
    secret["name"] = "read-backend-secrets"
    secret["urn"] = secret["urn"].replace("::gx-connections", "::read-backend-secrets")
    secret["props"]["metadata"] = {"name": "backend-secrets", "namespace": "backend-mainnet"}
    return secret


BREAKS: list[tuple[str, Damage, str]] = [
    ("schema", lambda found: props(found, "Deployment", "svc-tax")["spec"].update(replicaz=3), "replicaz"),
    ("references", no_key, "Secret gx-connections has no key NOWHERE"),
    ("references", no_secret, "Secret minio-nowhere exists neither"),
    (
        "quota",
        lambda found: props(found, "ResourceQuota", "quota")["spec"]["hard"].update(pods="5"),
        "pods 5 holds less",
    ),
    ("limit-range", lambda found: tax(found)["resources"]["limits"].update(cpu="64"), "limits cpu to 64"),
    ("pod-security", lambda found: tax(found)["securityContext"].update(allowPrivilegeEscalation=True), "may gain"),
    ("containers", lambda found: tax(found).pop("readinessProbe"), "has no readinessProbe"),
    (
        "disruption",
        lambda found: props(found, "PodDisruptionBudget", "svc-identity")["spec"].update(maxUnavailable=0),
        "may let no pod go",
    ),
    ("registries", lambda found: tax(found).update(image="docker.io/library/nginx:1"), "does not come from"),
    (
        "guards",
        lambda found: entry(found, "PersistentVolumeClaim", "minio-pvc").update(protect=False),
        "could delete it",
    ),
    ("guards", handed(options={}), "PersistentVolumeClaim/minio-pvc: holds data"),
    ("test-data", configured("alice.johnson@mainnet.gxcoin.test"), "names a test user"),
    ("labels", lambda found: props(found, "Service", "svc-tax")["metadata"].update(labels={}), "has no label"),
    ("secrets", configured(SECRET), "ConfigMap/backend-config: data.X shows a secret"),
    ("secrets", in_a_component, "MinioUsers/minio-users: key shows a secret"),
    ("secrets", in_an_annotation, "Secret/minio-restore: metadata.annotations.key shows a secret"),
    (
        "secrets",
        lambda found: entry(found, "Stack", "gx-infra-mainnet")["props"].update(key=SECRET),
        "outputs: key shows",
    ),
    (
        "isolation",
        lambda found: props(found, "ConfigMap", "prometheus-messaging-alerts-mainnet")["metadata"].update(
            name="alerts"
        ),
        "two stacks would fight",
    ),
    ("foreign-names", configured("https://devnet.gxcoin.money"), "names another network: devnet.gxcoin"),
    ("foreign-names", configured("http://10.42.3.7:3007"), "holds a pod's address"),
    ("components", lost, "component dns: is adopted and planned no more"),
    (
        "default-deny",
        lambda found: found.remove(entry(found, "NetworkPolicy", "default-deny-all")),
        "none that denies",
    ),
    (
        "reachability",
        lambda found: props(found, "NetworkPolicy", "gx-svc-messaging")["spec"].update(ingress=[]),
        "the ingress controller cannot reach port 3007",
    ),
    ("provider", lambda found: props(found, "kubernetes", "kubernetes").pop("enableSecretMutable"), "is not set"),
    (
        "dns",
        lambda found: props(found, "DnsRecord", "api.gxcoin.money-72.61.81.3").update(content="217.196.51.190"),
        "no node of mainnet",
    ),
    ("adoption", handed(imports={"Deployment/lost": "backend-mainnet/lost"}), "belongs to no planned object"),
    (
        "unknown",
        lambda found: props(found, "Service", "svc-tax")["metadata"].update(name={"__unknown__": True}),
        "metadata.name is not known",
    ),
    (
        "unknown",
        lambda found: props(found, "Service", "svc-tax").update(spec={"__unknown__": True}),
        "spec is not known",
    ),
    ("routes", lambda found: paths(found).append(paths(found)[0]), "stands 2 times"),
    ("precedence", tie, "Traefik may send it where"),
    (
        "names",
        lambda found: entry(found, "Stack", "gx-infra-mainnet")["props"]["endpoints"].update(
            wallet="https://w.example"
        ),
        "says wallet.gxcoin.money where the rest of the network says",
    ),
    ("advice", by_hand, "old-policies: backend-mainnet: default deny is not in force"),
    ("advice", handed(live_only={"Deployment/svc-tax": ["spec.a"]}), "live-only: Deployment/svc-tax: its first update"),
    ("advice", annotated(f"{PREFIX}use-forwarded-headers", "true"), "annotations: Ingress/gx-backend-ingress"),
    (
        "advice",
        annotated("cert-manager.io/cluster-issuer", "letsencrypt-staging"),
        "issuer: Ingress/gx-backend-ingress",
    ),
    ("advice", list, "backup: CronJob/minio-backup: source and copy"),
    ("node-ports", on_one_node_port, "Service/svc-tax: asks for node port 30123/TCP, which Service/svc-admin has"),
]


def test_nothing_is_found_in_a_stack_that_exists(pack: Pack, recorded: Stack) -> None:
    found = pack.violations(recorded)
    assert [(name, text) for name, text, _ in found if name != "advice"] == []
    assert {text.split(": ")[1] for _, text, _ in found} == WARNINGS


@pytest.mark.parametrize(("rule", "damage", "words"), BREAKS, ids=[f"{rule}: {words}" for rule, _, words in BREAKS])
def test_a_broken_rule_is_found_in_a_stack_that_exists(
    pack: Pack, recorded: Stack, rule: str, damage: Damage, words: str
) -> None:
    damage(recorded)
    found = pack.violations(recorded, rule)
    assert any(words in text for _, text, _ in found), found
    assert SECRET not in json.dumps(found)


def test_every_rule_is_broken_above() -> None:
    """Rules that only warn are reported by one policy, "advice"; `images` only counts, see below."""
    named = {rule for rule, _, _ in BREAKS} | {words.split(":")[0] for rule, _, words in BREAKS if rule == "advice"}
    assert {policy.name for policy in RULES} - named == {"images"}


def test_images_without_a_digest_are_counted_in_a_stack_that_exists(recorded: Stack) -> None:
    plan = plan_of_stack(Registered(**one) for one in recorded if "__unknown__" not in json.dumps(one))
    assert [(f.severity, f.text[:11]) for f in check_images(plan)] == [(Severity.NOTE, "15 of 15 im")]


def test_a_resource_that_is_only_read_is_no_object_of_the_stack(pack: Pack, recorded: Stack) -> None:
    """It has labels of others, if any, and counts in no quota: no rule is about it, but what it holds is a secret."""
    recorded.append(only_read(recorded))
    assert {name for name, _, _ in pack.violations(recorded)} == {"advice"}


def test_a_key_of_a_secret_is_missed_where_all_of_them_are_known(pack: Pack) -> None:
    """`stringData` of minio-users is unknown as a whole while a user's key rotates; at all other times it is not."""
    recorded = copy.deepcopy(RECORDED["unchanged"])
    props(recorded, "Secret", "minio-users")["data"].pop("METRICS_SECRET_KEY")
    found = [text for _, text, _ in pack.violations(recorded, "references")]
    assert len(found) == 1
    assert "Secret minio-users has no key METRICS_SECRET_KEY" in found[0]


def test_one_unknown_shape_is_one_violation(pack: Pack, recorded: Stack) -> None:
    """Of an object without a shape nothing else can be said: no other rule stumbles over it."""
    for kind, path in [("Deployment", "spec"), ("Ingress", "spec"), ("NetworkPolicy", "metadata"), ("Job", "spec")]:
        damaged = copy.deepcopy(recorded)
        next(one for one in damaged if one["type"].endswith(f":{kind}"))["props"][path] = {"__unknown__": True}
        assert {name for name, _, _ in pack.violations(damaged)} == {"unknown"}


@pytest.mark.parametrize("damage", ["absent", "empty", "of another shape", "no outputs"])
def test_a_run_that_hands_nothing_over_is_one_violation(pack: Pack, recorded: Stack, damage: str) -> None:
    context = entry(recorded, "Context", "policy-context")
    if damage == "absent":
        recorded.remove(context)
    elif damage == "empty":
        context["props"] = {}
    elif damage == "of another shape":
        context["props"].pop("externals")
    else:
        entry(recorded, "Stack", "gx-infra-mainnet")["props"] = {}
    found = pack.violations(recorded)
    assert [name for name, _, _ in found] == ["context"]
    assert "no rule was applied; fix: run the program and the policy pack of one revision" in found[0][1]


def test_what_is_handed_over_is_small_and_holds_no_secret(plan: Plan) -> None:
    text = json.dumps(handed_over(plan.network))
    assert len(text) < 10_000, "it stands in the state, and in every plan file"
    values = {v.value for one in plan.resources for _, v in walk(one.inputs) if isinstance(v, Secret)}
    assert {value for value in values if len(value) >= SHORTEST_SECRET and value in text} == set()
    assert len(values) > 10


def test_the_recordings_hold_what_is_handed_over_today(request: pytest.FixtureRequest) -> None:
    context = handed_over("mainnet")
    if request.config.getoption("--update-golden"):
        for name, resources in RECORDED.items():
            found = props(resources, "Context", "policy-context")
            found.clear()
            found.update(context)
            text = json.dumps(resources, sort_keys=True)
            (RECORDINGS / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    for resources in RECORDED.values():
        assert props(resources, "Context", "policy-context").keys() == context.keys(), "run it with --update-golden"
