"""Every check finds nothing in the real Plans, and finds the one thing that a test breaks."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gx.checks import run_checks
from gx.checks.finding import Finding, Severity
from gx.checks.isolation import check_foreign_names, check_overlap, check_shared, check_unknown
from gx.checks.quota import check_limit_range, check_quota
from gx.checks.reachability import check_reachability
from gx.checks.references import check_references
from gx.checks.schema import check_schema
from gx.checks.security import check_containers, check_digests, check_pod_security, check_secrets
from gx.checks.traffic import check_annotations, check_issuer, check_names, check_precedence, check_routes
from gx.ingress import PREFIX
from gx.plan.model import Plan
from gx.plan.values import Secret, Unknown
from tests.helpers.mutate import Change, changed, container, find, with_resource, without

Check = Callable[[Plan], Iterator[Finding]]
DEPLOYMENT, SERVICE, INGRESS, POLICY = "Deployment", "Service", "Ingress", "NetworkPolicy"
MESSAGING = "svc-messaging"


def test_no_errors_in_the_real_plans(plan: Plan, plans: dict[str, Plan]) -> None:
    others = [name for name in plans if name != plan.network]
    assert [f for f in run_checks(plan, others) if f.severity is Severity.ERROR] == []


def test_the_warnings_are_minio_as_found_and_one_disk(plan: Plan) -> None:
    warnings = [f for f in run_checks(plan, []) if f.severity is Severity.WARNING]
    found = [(f.check, f.place.split("/")[1]) for f in warnings]
    edge = [("pod-security", "edge-proxy")] if plan.production else []
    assert sorted(found) == sorted([("pod-security", "minio"), *edge, ("backup", "minio-backup")])
    assert "set gx-infra:backup.offsite" in next(f.text for f in warnings if f.check == "backup")


def _set(*path: str | int, value: object) -> Change:
    def change(inputs: dict[str, Any]) -> None:
        target: Any = inputs
        for part in path[:-1]:
            target = target[part]
        target[path[-1]] = value

    return change


def _in_container(key: str, value: object) -> Change:
    return lambda inputs: container(inputs).__setitem__(key, value)


def _no(key: str) -> Change:
    return lambda inputs: container(inputs).pop(key)


def _env(name: str, secret: str, key: str) -> Change:
    variable = {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    return lambda inputs: container(inputs)["env"].append(variable)


def _backend(port: int) -> Change:
    def change(inputs: dict[str, Any]) -> None:
        inputs["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] = {"number": port}

    return change


POD_SPEC = ("spec", "template", "spec")
BREAKS: list[tuple[str, Check, str, str, Change, str]] = [
    ("misspelled field", check_schema, DEPLOYMENT, MESSAGING, _set("spec", "replicaz", value=3), "replicaz"),
    ("wrong type", check_schema, SERVICE, MESSAGING, _set("spec", "ports", 0, "port", value="eighty"), "ports.0.port"),
    ("unknown kind", check_schema, SERVICE, MESSAGING, _set("apiVersion", value="v7"), "no v7/Service"),
    (
        "Secret missing",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        _env("A", "nowhere", "x"),
        "Secret nowhere exists neither",
    ),
    ("key missing", check_references, DEPLOYMENT, MESSAGING, _env("A", "gx-connections", "REDIS"), "has no key REDIS"),
    (
        "outside key missing",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        _env("A", "redis-credentials", "password"),
        "Secret redis-credentials has no key password",
    ),
    (
        "ConfigMap missing",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        _in_container("envFrom", [{"configMapRef": {"name": "svc-config"}}]),
        "ConfigMap svc-config exists neither",
    ),
    (
        "account missing",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        _set(*POD_SPEC, "serviceAccountName", value="root"),
        "ServiceAccount root exists neither",
    ),
    (
        "claim missing",
        check_references,
        "StatefulSet",
        "minio",
        _set(*POD_SPEC, "volumes", 0, "persistentVolumeClaim", "claimName", value="data-minio-0"),
        "PersistentVolumeClaim data-minio-0 exists neither",
    ),
    (
        "probe of no port",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["readinessProbe"]["httpGet"].update(port="api"),
        "readinessProbe asks the port api",
    ),
    (
        "mount of no volume",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["volumeMounts"].append({"name": "data", "mountPath": "/d"}),
        "mounts the volume data",
    ),
    (
        "variable twice",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["env"].append({"name": "PORT", "value": "1"}),
        "sets PORT twice",
    ),
    (
        "Service selects nothing",
        check_references,
        SERVICE,
        MESSAGING,
        _set("spec", "selector", value={"app": "x"}),
        "selects no pod",
    ),
    (
        "Service port to nothing",
        check_references,
        SERVICE,
        MESSAGING,
        _set("spec", "ports", 0, "targetPort", value=3009),
        "leads to 3009",
    ),
    ("Ingress port to nothing", check_references, INGRESS, "gx-backend-ingress", _backend(8080), "has no port 8080"),
    (
        "Ingress class missing",
        check_references,
        INGRESS,
        "gx-backend-ingress",
        _set("spec", "ingressClassName", value="traefik"),
        "IngressClass traefik exists neither",
    ),
    (
        "TLS Secret missing",
        check_references,
        INGRESS,
        "gx-backend-ingress",
        _set("spec", "tls", 0, "secretName", value="tls-old"),
        "Secret tls-old exists neither",
    ),
    (
        "autoscaler of nothing",
        check_references,
        "HorizontalPodAutoscaler",
        "svc-identity-hpa",
        _set("spec", "scaleTargetRef", "name", value="svc-id"),
        "Deployment svc-id exists neither",
    ),
    (
        "budget of nothing",
        check_references,
        "PodDisruptionBudget",
        MESSAGING,
        _set("spec", "selector", "matchLabels", value={"app": "x"}),
        "selects no pod",
    ),
    (
        "quota too small",
        check_quota,
        "ResourceQuota",
        "backend-mainnet-quota",
        _set("spec", "hard", "pods", value="20"),
        "pods 20 holds less than",
    ),
    (
        "too many claims",
        check_quota,
        "ResourceQuota",
        "backend-mainnet-quota",
        _set("spec", "hard", "persistentvolumeclaims", value="10"),
        "persistentvolumeclaims 10 holds less than the 11",
    ),
    (
        "below the LimitRange",
        check_limit_range,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["resources"]["requests"].update(cpu="5m"),
        "requests 5m of cpu",
    ),
    (
        "above the LimitRange",
        check_limit_range,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["resources"]["limits"].update(memory="9Gi"),
        "limits memory to 9Gi",
    ),
    (
        "root",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        _set(*POD_SPEC, "securityContext", "runAsUser", value=0),
        "as root",
    ),
    (
        "no seccomp",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: inputs["spec"]["template"]["spec"]["securityContext"].pop("seccompProfile"),
        "no seccomp profile",
    ),
    (
        "host network",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        _set(*POD_SPEC, "hostNetwork", value=True),
        "hostNetwork",
    ),
    (
        "host path",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: inputs["spec"]["template"]["spec"]["volumes"].append({"name": "h", "hostPath": {"path": "/"}}),
        "volume of the kind hostPath",
    ),
    (
        "privileges",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["securityContext"].update(allowPrivilegeEscalation=True),
        "may gain privileges",
    ),
    (
        "capabilities",
        check_pod_security,
        "CronJob",
        "minio-backup",
        lambda inputs: container(inputs)["securityContext"].update(
            capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}
        ),
        "keeps capabilities",
    ),
    (
        "writable root",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["securityContext"].update(readOnlyRootFilesystem=False),
        "write to its root",
    ),
    (
        "host port",
        check_pod_security,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["ports"][0].update(hostPort=80),
        "binds a port of the node",
    ),
    ("no probe", check_containers, DEPLOYMENT, MESSAGING, _no("startupProbe"), "has no startupProbe"),
    (
        "no limit",
        check_containers,
        DEPLOYMENT,
        MESSAGING,
        lambda inputs: container(inputs)["resources"].pop("limits"),
        "has no cpu in limits",
    ),
    (
        "latest",
        check_containers,
        DEPLOYMENT,
        MESSAGING,
        _in_container("image", "r:5000/a:latest"),
        "the tag latest moves",
    ),
    ("no tag", check_containers, DEPLOYMENT, MESSAGING, _in_container("image", "r:5000/a"), "neither tag nor digest"),
    (
        "secret in a ConfigMap",
        check_secrets,
        "ConfigMap",
        "backend-config",
        _set("data", "REDIS_PASSWORD", value=Secret("hunter2hunter2")),
        "data.REDIS_PASSWORD holds a secret",
    ),
    (
        "outside without the network's name",
        check_shared,
        "ConfigMap",
        "prometheus-messaging-alerts-mainnet",
        _set("metadata", "name", value="prometheus-backend-alerts"),
        "two stacks would fight",
    ),
    (
        "unknown name",
        check_unknown,
        SERVICE,
        MESSAGING,
        _set("metadata", "name", value=Unknown()),
        "metadata.name is not known",
    ),
    (
        "backend cut off",
        check_reachability,
        POLICY,
        "gx-svc-messaging",
        _set("spec", "ingress", value=[]),
        "the ingress controller cannot reach port 3007",
    ),
    (
        "scrape cut off",
        check_reachability,
        POLICY,
        "gx-minio",
        lambda inputs: inputs["spec"]["ingress"].pop(),
        "Prometheus cannot reach port 9000",
    ),
    (
        "policy without a pod",
        check_reachability,
        POLICY,
        "gx-svc-tax",
        _set("spec", "podSelector", value={"matchLabels": {"app": "svc-taxes"}}),
        "selects no pod",
    ),
    (
        "Service without a caller",
        check_reachability,
        POLICY,
        "gx-svc-tax",
        _set("spec", "ingress", value=[]),
        "nobody can reach any port of it",
    ),
    (
        "path twice",
        check_routes,
        INGRESS,
        "gx-wallet-ingress",
        lambda inputs: inputs["spec"]["rules"][0]["http"]["paths"].append(
            inputs["spec"]["rules"][0]["http"]["paths"][0]
        ),
        "stands 2 times: which backend answers is chance",
    ),
    (
        "host of another name",
        check_names,
        INGRESS,
        "gx-wallet-ingress",
        _set("spec", "rules", 0, "host", value="wallets.gxcoin.money"),
        "says wallets.gxcoin.money where",
    ),
    (
        "TLS for another name",
        check_names,
        INGRESS,
        "gx-wallet-ingress",
        _set("spec", "tls", 0, "hosts", value=["api.gxcoin.money"]),
        "says api.gxcoin.money where the rest of the network says wallet.gxcoin.money",
    ),
    (
        "CORS without the wallet",
        check_names,
        INGRESS,
        "gx-backend-ingress",
        _set("metadata", "annotations", f"{PREFIX}cors-allow-origin", value="https://gxcoin.money"),
        "says https://gxcoin.money where",
    ),
    (
        "log-in of another host",
        check_names,
        DEPLOYMENT,
        "gx-wallet-frontend",
        lambda inputs: next(e for e in container(inputs)["env"] if e["name"] == "NEXTAUTH_URL").update(
            value="https://localhost:3000"
        ),
        "says https://localhost:3000 where",
    ),
    (
        "record of another name",
        check_names,
        "DnsRecord",
        "wallet.gxcoin.money-72.61.81.3",
        lambda inputs: inputs.update(name="old.gxcoin.money"),
        "says api.gxcoin.money, old.gxcoin.money where",
    ),
]


@pytest.mark.parametrize(
    ("check", "kind", "name", "change", "expected"), [b[1:] for b in BREAKS], ids=[b[0] for b in BREAKS]
)
def test_check_finds_what_was_broken(  # noqa: PLR0917 one column each
    mainnet: Plan, check: Check, kind: str, name: str, change: Change, expected: str
) -> None:
    assert not [f for f in check(mainnet) if expected in f.text and f.severity is Severity.ERROR]
    errors = [f for f in check(changed(mainnet, kind, name, change)) if f.severity is Severity.ERROR]
    assert any(expected in f.text for f in errors), errors


@pytest.mark.parametrize(
    ("controller", "key"),
    [("nginx", "use-forwarded-headers"), ("traefik", "proxy-body-size"), ("traefik", "limit-rps")],
)
def test_annotations_without_effect_are_named(mainnet: Plan, controller: str, key: str) -> None:
    assert list(check_annotations(mainnet)) == []
    planted = changed(
        mainnet, INGRESS, "gx-wallet-ingress", _set("metadata", "annotations", f"{PREFIX}{key}", value="1")
    )
    texts = [f.text for f in check_annotations(dataclasses.replace(planted, controller=controller))]
    assert f"{PREFIX}{key} has no effect: {controller} does not read it" in texts


def test_an_issuer_for_trials_is_named(mainnet: Plan) -> None:
    assert list(check_issuer(mainnet)) == []
    staging = _set("metadata", "annotations", "cert-manager.io/cluster-issuer", value="letsencrypt-staging")
    found = list(check_issuer(changed(mainnet, INGRESS, "gx-backend-ingress", staging)))
    assert [(f.place, f.severity) for f in found] == [("Ingress/gx-backend-ingress", Severity.WARNING)]


def test_a_path_that_traefik_would_send_elsewhere_is_found(plans: dict[str, Plan]) -> None:
    """Both rules are fifteen letters long, and Traefik orders by length: seen with a real one."""
    shared = dataclasses.replace(plans["devnet"], controller="traefik")
    assert [f.place for f in check_precedence(shared)] == ["route /health"]
    assert list(check_precedence(plans["devnet"])) == [], "ingress-nginx tries exact paths first"


def test_a_pod_that_no_policy_selects_is_found(mainnet: Plan) -> None:
    """Default deny covers whatever is new; without it a pod that nobody thought of would be open to everybody."""
    forgotten = changed(
        mainnet,
        DEPLOYMENT,
        "svc-tax",
        lambda inputs: inputs["spec"]["template"]["metadata"]["labels"].update(app="svc-forgotten"),
    )
    assert not [f for f in check_reachability(forgotten) if f.place == "pod svc-forgotten"]
    opened = without(forgotten, find(forgotten, POLICY, "default-deny-all"))
    assert "no policy selects it for ingress: everybody gets through" in [
        f.text for f in check_reachability(opened) if f.place == "pod svc-forgotten"
    ]


def test_duplicate_object_is_found(mainnet: Plan) -> None:
    twin = dataclasses.replace(find(mainnet, SERVICE, MESSAGING), urn="urn:other")
    texts = [f.text for f in check_references(with_resource(mainnet, twin))]
    assert "stands 2 times in backend-mainnet" in texts


def test_duplicate_urn_is_found(mainnet: Plan) -> None:
    texts = [f.text for f in check_references(with_resource(mainnet, find(mainnet, SERVICE, MESSAGING)))]
    assert any("is registered 2 times" in text for text in texts)


def test_second_quota_is_found(mainnet: Plan) -> None:
    """A second quota adds up with the first."""
    quota = find(mainnet, "ResourceQuota", "backend-mainnet-quota")
    twin = dataclasses.replace(quota, inputs={**quota.inputs, "metadata": {**quota.metadata, "name": "other"}})
    assert any("two ResourceQuotas" in f.text for f in check_quota(with_resource(mainnet, twin)))


def test_missing_service_of_an_ingress_is_found(mainnet: Plan) -> None:
    broken = without(mainnet, find(mainnet, SERVICE, "svc-tax"))
    assert any("Service svc-tax exists neither" in f.text for f in check_references(broken))


FORMS = {
    "plain": "p@ss/word+with=every?thing&#%",
    "quoted": "p%40ss%2Fword%2Bwith%3Devery%3Fthing%26%23%25",
    "base64": "cEBzcy93b3JkK3dpdGg9ZXZlcnk/dGhpbmcmIyU",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_planted_leak_is_found_in_any_form(mainnet: Plan, form: str) -> None:
    planted = changed(mainnet, "Secret", "gx-connections", _set("stringData", "PASSWORD", value=Secret(FORMS["plain"])))
    assert list(check_secrets(planted)) == []
    leaked = changed(planted, "ConfigMap", "backend-config", _set("data", "URL", value=f"redis://:{form}@redis-master"))
    assert [(f.place, f.text) for f in check_secrets(leaked)] == [
        ("ConfigMap/backend-config", "data.URL shows a secret in clear text")
    ]


def test_leak_into_an_output_is_found(mainnet: Plan) -> None:
    secret = find(mainnet, "Secret", "minio-credentials").inputs["stringData"]["MINIO_ROOT_PASSWORD"].value
    leaked = dataclasses.replace(mainnet, outputs={**mainnet.outputs, "key": secret})
    assert [f.place for f in check_secrets(leaked)] == ["outputs"]


def test_same_object_in_two_plans_is_found(plans: dict[str, Plan]) -> None:
    assert list(check_overlap(list(plans.values()))) == []
    shared = find(plans["devnet"], "ConfigMap", "prometheus-messaging-alerts-devnet")
    found = list(check_overlap([plans["devnet"], with_resource(plans["mainnet"], shared)]))
    assert ["devnet and mainnet" in f.text for f in found] == [True]


def test_same_dns_record_in_two_plans_is_found(plans: dict[str, Plan]) -> None:
    record = next(r for r in plans["mainnet"].resources if r.kind == "DnsRecord")
    found = list(check_overlap([plans["mainnet"], with_resource(plans["testnet"], record)]))
    assert len(found) == 1


@pytest.mark.parametrize(
    "text",
    ["redis://x@redis-master.backend-mainnet.svc.cluster.local", "https://mainnet.gxcoin.money", "Org1MainnetMSP"],
)
def test_text_that_names_another_network_is_found(plans: dict[str, Plan], text: str) -> None:
    for value in (text, Secret(text)):
        broken = changed(plans["testnet"], "Secret", "gx-connections", _set("stringData", "REDIS_URL", value=value))
        assert any("names another network" in f.text for f in check_foreign_names(broken, ["mainnet", "devnet"]))


def test_accepted_shortfall_is_a_note_and_needs_its_reason(mainnet: Plan) -> None:
    noted = [f for f in check_quota(mainnet) if "limits.cpu" in f.text]
    assert [f.severity for f in noted] == [Severity.NOTE]
    bare = dataclasses.replace(mainnet, accepted_at_peak={})
    assert [f.severity for f in check_quota(bare) if "limits.cpu" in f.text] == [Severity.ERROR]


def test_images_without_a_digest_are_counted(mainnet: Plan) -> None:
    assert [f.severity for f in check_digests(mainnet)] == [Severity.NOTE]
    pinned = mainnet
    kinds = {DEPLOYMENT, "StatefulSet", "DaemonSet", "Job", "CronJob"}
    for resource in [r for r in mainnet.objects if r.kind in kinds]:
        digest = _in_container("image", f"r:5000/a:1@sha256:{'0' * 64}")
        pinned = changed(pinned, resource.kind, resource.object_name, digest)
    assert list(check_digests(pinned)) == []
    assert not [f for f in check_containers(pinned) if f.check == "images"]


def test_steady_shortfall_is_never_accepted(mainnet: Plan) -> None:
    small = changed(mainnet, "ResourceQuota", "backend-mainnet-quota", _set("spec", "hard", "limits.cpu", value="16"))
    assert [f.severity for f in check_quota(small) if "limits.cpu" in f.text] == [Severity.ERROR]
