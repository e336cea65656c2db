"""Public traffic: annotations that do something, paths that stand once, and one truth about every public name."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from gx.checks.finding import Finding, Severity
from gx.ingress import PREFIX, ignored, traefik_rule
from gx.plan.model import Plan, Resource
from gx.plan.pods import pods


def check_annotations(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every annotation that the network's ingress controller ignores."""
    for ingress in plan.of_kind("Ingress"):
        for key in ignored(plan.controller, ingress.metadata.get("annotations", {})):
            yield Finding(
                check="ingress",
                place=f"Ingress/{ingress.object_name}",
                text=f"{PREFIX}{key} has no effect: {plan.controller} does not read it",
                severity=Severity.WARNING,
            )


def check_issuer(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a certificate that no browser trusts (production.md 1)."""
    for ingress in plan.of_kind("Ingress"):
        issuer = str(ingress.metadata.get("annotations", {}).get("cert-manager.io/cluster-issuer", ""))
        if "staging" in issuer:
            yield Finding(
                check="ingress",
                place=f"Ingress/{ingress.object_name}",
                text=f"the issuer {issuer} is for trials: browsers and strict mode refuse its certificates",
                severity=Severity.WARNING,
            )


def check_routes(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a path that stands twice: which backend wins would be the controller's choice."""
    routes = Counter(
        (str(rule["host"]), str(path["path"]), str(path["pathType"]))
        for ingress in plan.of_kind("Ingress")
        for rule in ingress.spec["rules"]
        for path in rule["http"]["paths"]
    )
    for (host, path, _), count in routes.items():
        if count > 1:
            text = f"{host}{path} stands {count} times: which backend answers is chance"
            yield Finding(check="ingress", place=f"route {path}", text=text)


def check_precedence(plan: Plan) -> Iterator[Finding]:
    """Yield a finding where Traefik would not prefer the longer of two paths of a host (see `gx.ingress.path_type`)."""
    if plan.controller != "traefik":
        return
    hosts: dict[str, list[tuple[str, str]]] = {}
    for ingress in plan.of_kind("Ingress"):
        for rule in ingress.spec["rules"]:
            hosts.setdefault(rule["host"], []).extend((p["path"], p["pathType"]) for p in rule["http"]["paths"])
    for host, routes in hosts.items():
        for wide, narrow in itertools.permutations(routes, 2):
            inside = wide[1] == "Prefix" and narrow[0] != wide[0] and narrow[0].startswith(wide[0].rstrip("/") + "/")
            if inside and len(traefik_rule(*narrow)) <= len(traefik_rule(*wide)):
                text = f"{host}{narrow[0]}: Traefik may send it where {wide[0]} leads: its rule is not the longer one"
                yield Finding(check="ingress", place=f"route {narrow[0]}", text=text)


def check_names(plan: Plan) -> Iterator[Finding]:
    """Yield a finding where two places of the Plan disagree about the public names of the network.

    Ingress host, TLS name, DNS record, NEXTAUTH_URL, CORS origin and the URLs that the stack exports for clients and
    verification must be the same two hosts.
    """
    urls: dict[str, str] = plan.outputs["endpoints"]
    wanted = {name: urlsplit(url).hostname or "" for name, url in urls.items()}
    hosts = {wanted["wallet"], wanted["api"]}
    if wanted["websocket"] != wanted["api"]:
        yield _disagrees("output endpoints.websocket", wanted["websocket"], wanted["api"])
    served: set[str] = set()
    for ingress in plan.of_kind("Ingress"):
        served |= {rule["host"] for rule in ingress.spec["rules"]}
        yield from _ingress(ingress, hosts, urls["wallet"])
    records = {str(resource.inputs["name"]) for resource in plan.resources if resource.kind == "DnsRecord"}
    for kind, found in (("Ingress hosts", served), ("DNS records", records)):
        if found and found != hosts:
            yield _disagrees(kind, ", ".join(sorted(found)), ", ".join(sorted(hosts)))
    for place, value in _nextauth(plan):
        if value != urls["wallet"]:
            yield _disagrees(f"{place} NEXTAUTH_URL", value, urls["wallet"])


def _ingress(ingress: Resource, hosts: set[str], wallet: str) -> Iterator[Finding]:
    place = f"Ingress/{ingress.object_name}"
    for entry in ingress.spec.get("tls", []):
        names, served = set(entry["hosts"]), {rule["host"] for rule in ingress.spec["rules"]}
        if names != served:
            yield _disagrees(f"{place} TLS", ", ".join(sorted(names)), ", ".join(sorted(served)))
    for rule in ingress.spec["rules"]:
        if rule["host"] not in hosts:
            yield _disagrees(f"{place} host", rule["host"], ", ".join(sorted(hosts)))
    annotations: dict[str, Any] = ingress.metadata.get("annotations", {})
    origins = annotations.get(f"{PREFIX}cors-allow-origin")
    if origins is not None and wallet not in [origin.strip() for origin in str(origins).split(",")]:
        yield _disagrees(f"{place} CORS origins", str(origins), wallet)


def _nextauth(plan: Plan) -> Iterator[tuple[str, str]]:
    for pod in pods(plan):
        for container in pod.containers:
            for variable in container.get("env", []):
                if variable["name"] == "NEXTAUTH_URL":
                    yield pod.place, str(variable.get("value"))


def _disagrees(place: str, found: str, wanted: str) -> Finding:
    return Finding(check="names", place=place, text=f"says {found} where the rest of the network says {wanted}")
