"""Every check finds the one thing that a test breaks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from common.plan import Plan
from common.values import Secret, Unknown
from rules.cut_off import check_reachability
from rules.finding import Finding, Severity
from rules.ingress_annotations import PREFIX
from rules.isolation import check_shared, check_unknown
from rules.quota import check_limit_range, check_quota
from rules.references import check_references
from rules.schema import check_schema
from rules.security import check_containers, check_images, check_pod_security, check_secrets
from rules.traffic import check_names, check_routes
from tests.helpers.mutate import Change, changed, container, in_container, put

Check = Callable[[Plan], Iterator[Finding]]
DEPLOYMENT, SERVICE, INGRESS, POLICY = "Deployment", "Service", "Ingress", "NetworkPolicy"
MESSAGING = "svc-messaging"


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
    ("misspelled field", check_schema, DEPLOYMENT, MESSAGING, put("spec", "replicaz", value=3), "replicaz"),
    (
        "wrong type",
        check_schema,
        SERVICE,
        MESSAGING,
        put("spec", "ports", 0, "port", value="eighty"),
        "ports.0.port",
    ),
    ("unknown kind", check_schema, SERVICE, MESSAGING, put("apiVersion", value="v7"), "no v7/Service"),
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
        in_container("envFrom", [{"configMapRef": {"name": "svc-config"}}]),
        "ConfigMap svc-config exists neither",
    ),
    (
        "account missing",
        check_references,
        DEPLOYMENT,
        MESSAGING,
        put(*POD_SPEC, "serviceAccountName", value="root"),
        "ServiceAccount root exists neither",
    ),
    (
        "claim missing",
        check_references,
        "StatefulSet",
        "minio",
        put(*POD_SPEC, "volumes", 0, "persistentVolumeClaim", "claimName", value="data-minio-0"),
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
        put("spec", "selector", value={"app": "x"}),
        "selects no pod",
    ),
    (
        "Service port to nothing",
        check_references,
        SERVICE,
        MESSAGING,
        put("spec", "ports", 0, "targetPort", value=3009),
        "leads to 3009",
    ),
    ("Ingress port to nothing", check_references, INGRESS, "gx-backend-ingress", _backend(8080), "has no port 8080"),
    (
        "Ingress class missing",
        check_references,
        INGRESS,
        "gx-backend-ingress",
        put("spec", "ingressClassName", value="traefik"),
        "IngressClass traefik exists neither",
    ),
    (
        "TLS Secret missing",
        check_references,
        INGRESS,
        "gx-backend-ingress",
        put("spec", "tls", 0, "secretName", value="tls-old"),
        "Secret tls-old exists neither",
    ),
    (
        "autoscaler of nothing",
        check_references,
        "HorizontalPodAutoscaler",
        "svc-identity-hpa",
        put("spec", "scaleTargetRef", "name", value="svc-id"),
        "Deployment svc-id exists neither",
    ),
    (
        "budget of nothing",
        check_references,
        "PodDisruptionBudget",
        MESSAGING,
        put("spec", "selector", "matchLabels", value={"app": "x"}),
        "selects no pod",
    ),
    (
        "quota too small",
        check_quota,
        "ResourceQuota",
        "backend-mainnet-quota",
        put("spec", "hard", "pods", value="20"),
        "pods 20 holds less than",
    ),
    (
        "too many claims",
        check_quota,
        "ResourceQuota",
        "backend-mainnet-quota",
        put("spec", "hard", "persistentvolumeclaims", value="10"),
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
        put(*POD_SPEC, "securityContext", "runAsUser", value=0),
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
        put(*POD_SPEC, "hostNetwork", value=True),
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
    ("latest", check_images, DEPLOYMENT, MESSAGING, in_container("image", "r:5000/a:latest"), "the tag latest moves"),
    ("no tag", check_images, DEPLOYMENT, MESSAGING, in_container("image", "r:5000/a"), "neither tag nor digest"),
    (
        "secret in a ConfigMap",
        check_secrets,
        "ConfigMap",
        "backend-config",
        put("data", "REDIS_PASSWORD", value=Secret("hunter2hunter2")),
        "data.REDIS_PASSWORD holds a secret",
    ),
    (
        "outside without the network's name",
        check_shared,
        "ConfigMap",
        "prometheus-messaging-alerts-mainnet",
        put("metadata", "name", value="prometheus-backend-alerts"),
        "two stacks would fight",
    ),
    (
        "unknown name",
        check_unknown,
        SERVICE,
        MESSAGING,
        put("metadata", "name", value=Unknown()),
        "metadata.name is not known",
    ),
    (
        "backend cut off",
        check_reachability,
        POLICY,
        "gx-svc-messaging",
        put("spec", "ingress", value=[]),
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
        put("spec", "podSelector", value={"matchLabels": {"app": "svc-taxes"}}),
        "selects no pod",
    ),
    (
        "Service without a caller",
        check_reachability,
        POLICY,
        "gx-svc-tax",
        put("spec", "ingress", value=[]),
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
        put("spec", "rules", 0, "host", value="wallets.gxcoin.money"),
        "says wallets.gxcoin.money where",
    ),
    (
        "TLS for another name",
        check_names,
        INGRESS,
        "gx-wallet-ingress",
        put("spec", "tls", 0, "hosts", value=["api.gxcoin.money"]),
        "says api.gxcoin.money where the rest of the network says wallet.gxcoin.money",
    ),
    (
        "CORS without the wallet",
        check_names,
        INGRESS,
        "gx-backend-ingress",
        put("metadata", "annotations", f"{PREFIX}cors-allow-origin", value="https://gxcoin.money"),
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
