"""Every name that an object uses must exist, in the Plan or in the list of what lies outside."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from common.naming import BACKEND_CONFIG
from common.objects import mapping
from common.plan import Plan, Resource
from common.pods import Pod, PodIndex
from rules.finding import Finding, Severity
from rules.rule import rule


def _finding(location: str, text: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(location=location, text=text, severity=severity)


class _Names:
    """What exists: kind and name to keys; None where the keys are not known."""

    def __init__(self, plan: Plan) -> None:
        self._keys: dict[tuple[str, str], frozenset[str] | None] = {}
        for external in plan.externals:
            self._keys[external.kind, external.name] = frozenset(external.keys) if external.keys else None
        for resource in plan.objects:
            content = [resource.inputs.get(field, {}) for field in ("data", "stringData", "binaryData")]
            known = all(isinstance(part, Mapping) for part in content)  # a rotation leaves it unknown as a whole
            keys = frozenset(key for part in content for key in part) if known else None
            self._keys[resource.kind, resource.object_name] = keys

    def missing(self, kind: str, name: str, key: str | None = None) -> str:
        """Return what is missing, or an empty text."""
        if (kind, name) not in self._keys:
            return f"{kind} {name} exists neither in the Plan nor outside"
        keys = self._keys[kind, name]
        return f"{kind} {name} has no key {key}" if key and keys is not None and key not in keys else ""


@rule(
    "references",
    reason="A pod that names a Secret, key, claim or account that is not there never starts.",
    remedy="Name what exists, or declare it under externals in catalogue/external_workloads.py.",
)
def check_references(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every name that leads nowhere and for every name that stands twice."""
    names, index = _Names(plan), PodIndex(plan)
    for pod in index.all:
        for text in _pod_references(pod, names):
            yield _finding(pod.location, text)
    yield from _hosts(plan, index, names)
    services = {service.object_name: service for service in plan.of_kind("Service")}
    for service in services.values():
        yield from _service(index, service)
    for ingress in plan.of_kind("Ingress"):
        yield from _ingress(services, ingress, names)
    for scaler in plan.of_kind("HorizontalPodAutoscaler"):
        target = scaler.spec["scaleTargetRef"]
        if text := names.missing(target["kind"], target["name"]):
            yield _finding(f"HorizontalPodAutoscaler/{scaler.object_name}", text)
    for budget in plan.of_kind("PodDisruptionBudget"):
        if not index.selected(budget.spec["selector"]):
            yield _finding(f"PodDisruptionBudget/{budget.object_name}", "selects no pod")
    yield from _duplicates(plan)


def _hosts(plan: Plan, index: PodIndex, names: _Names) -> Iterator[Finding]:
    """A URL inside the cluster needs its Service: that of a workload that is absent here leads nowhere."""
    for location, text in _texts(plan, index):
        for host in sorted(_own_hosts(text, plan.namespace)):
            if problem := names.missing("Service", host):
                yield _finding(location, f"leads nowhere: {problem}")


def _texts(plan: Plan, index: PodIndex) -> Iterator[tuple[str, str]]:
    """Yield what pods are told as plain text: their variables and the ConfigMap that becomes variables."""
    for pod in index.all:
        for container in pod.containers:
            for variable in container.get("env", []):
                if isinstance(value := variable.get("value"), str):
                    yield f"{pod.location}: {variable['name']}", value
    for config in plan.of_kind("ConfigMap"):
        if config.object_name == BACKEND_CONFIG:
            for key, value in mapping(config.inputs, "data").items():
                if isinstance(value, str):
                    yield f"{config.location}: {key}", value


def _own_hosts(text: str, namespace: str) -> set[str]:
    """Return the Services of a namespace that a text names: with the namespace behind it, or alone as a URL's host."""
    full = re.findall(rf"(?<![\w.-])([a-z0-9-]+)\.{re.escape(namespace)}(?![\w-])", text)
    short = re.findall(r"://(?:[^/@]*@)?([a-z0-9-]+)(?=[:/]|$)", text)
    return {*full, *short} - {"localhost"}


def _pod_references(pod: Pod, names: _Names) -> Iterator[str]:
    wanted: list[tuple[str, str, str | None]] = [("ServiceAccount", pod.spec.get("serviceAccountName", ""), None)]
    volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
    for volume in pod.spec.get("volumes", []):
        if "secret" in volume:
            wanted.append(("Secret", volume["secret"]["secretName"], None))
        if "configMap" in volume:
            wanted.append(("ConfigMap", volume["configMap"]["name"], None))
        if "persistentVolumeClaim" in volume:
            wanted.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"], None))
    for container in pod.containers:
        wanted += _container_references(container)
        yield from _container_problems(container, volumes, pod.ports)
    for kind, name, key in wanted:
        if text := names.missing(kind, name, key):
            yield text


def _container_references(container: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            yield "ConfigMap", source["configMapRef"]["name"], None
        if "secretRef" in source:
            yield "Secret", source["secretRef"]["name"], None
    for variable in container.get("env", []):
        origin = variable.get("valueFrom", {})
        for kind, field in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            if field in origin:
                yield kind, origin[field]["name"], origin[field]["key"]


def _container_problems(container: dict[str, Any], volumes: set[str], ports: dict[str, int]) -> Iterator[str]:
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield f"mounts the volume {mount['name']}, which the pod does not have"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        port = container.get(probe, {}).get("httpGet", {}).get("port")
        if port is not None and port not in ports and port not in ports.values():
            yield f"{probe} asks the port {port}, which no container has"
    repeated = [name for name, count in Counter(v["name"] for v in container.get("env", [])).items() if count > 1]
    if repeated:
        yield f"sets {', '.join(repeated)} twice"


def _service(index: PodIndex, service: Resource) -> Iterator[Finding]:
    location = f"Service/{service.object_name}"
    selector = service.spec.get("selector", {})
    selected = index.selected({"matchLabels": selector})
    if not selected:
        yield _finding(location, f"selects no pod of the Plan: {selector}")
    for pod in selected:
        for port in service.spec["ports"]:
            target = port.get("targetPort", port["port"])
            if target not in pod.ports and target not in pod.ports.values():
                yield _finding(
                    location, f"port {port['port']} leads to {target}, which {pod.location} does not listen on"
                )


def _ingress(services: dict[str, Resource], ingress: Resource, names: _Names) -> Iterator[Finding]:
    location = f"Ingress/{ingress.object_name}"
    issuer = ingress.metadata.get("annotations", {}).get("cert-manager.io/cluster-issuer")
    wanted = [("IngressClass", ingress.spec["ingressClassName"])] + ([("ClusterIssuer", issuer)] if issuer else [])
    wanted += [("Secret", entry["secretName"]) for entry in ingress.spec.get("tls", [])]
    for kind, name in wanted:
        if text := names.missing(kind, name):
            yield _finding(location, text)
    for hosted in ingress.spec["rules"]:
        for path in hosted["http"]["paths"]:
            backend = path["backend"]["service"]
            service = services.get(backend["name"])
            if service is None:
                if text := names.missing("Service", backend["name"]):
                    yield _finding(location, f"{hosted['host']}{path['path']}: {text}")
                continue
            ports = {port["port"] for port in service.spec["ports"]} | {p.get("name") for p in service.spec["ports"]}
            wanted_port = backend["port"].get("number", backend["port"].get("name"))
            if wanted_port not in ports:
                text = f"{hosted['host']}{path['path']}: Service {backend['name']} has no port {wanted_port}"
                yield _finding(location, text)


def _duplicates(plan: Plan) -> Iterator[Finding]:
    identities = Counter((r.inputs.get("apiVersion"), r.kind, r.namespace, r.object_name) for r in plan.objects)
    for (_, kind, namespace, name), count in identities.items():
        if count > 1:
            yield _finding(f"{kind}/{name}", f"stands {count} times in {namespace or 'the cluster'}")
    for urn, count in Counter(resource.urn for resource in plan.resources).items():
        if count > 1:
            yield _finding(urn, f"is registered {count} times; the engine refuses the second")
