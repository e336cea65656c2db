"""Public traffic: annotations that do something, paths that stand once, and one truth about every public name."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from common.plan import Plan, Resource
from common.pods import pods
from rules.finding import Finding, Severity
from rules.ingress_annotations import PREFIX, ignored, traefik_rule
from rules.rule import rule


@rule(
    "annotations",
    reason="The controller ignores it: what it should do does not happen.",
    remedy="See components/ingress_annotations.py for what each controller honours.",
    live=True,
)
def check_annotations(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for every annotation that the network's ingress controller ignores."""
    for ingress in plan.of_kind("Ingress"):
        for key in ignored(plan.controller, ingress.metadata.get("annotations", {})):
            yield Finding(
                location=f"Ingress/{ingress.object_name}",
                text=f"{PREFIX}{key} has no effect: {plan.controller} does not read it",
                severity=Severity.WARNING,
            )


@rule(
    "issuer",
    reason="Browsers refuse a certificate of a test authority.",
    remedy="Set ingress.issuer to letsencrypt-prod.",
    live=True,
)
def check_issuer(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a certificate that no browser trusts (production.md#cluster-and-networks)."""
    for ingress in plan.of_kind("Ingress"):
        issuer = str(ingress.metadata.get("annotations", {}).get("cert-manager.io/cluster-issuer", ""))
        if "staging" in issuer:
            yield Finding(
                location=f"Ingress/{ingress.object_name}",
                text=f"the issuer {issuer} is for trials: browsers and strict mode refuse its certificates",
                severity=Severity.WARNING,
            )


@rule(
    "routes",
    reason="A public path leads nowhere.",
    remedy="Give the Service a port with the target http.",
)
def check_routes(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for a path that stands twice: which backend wins would be the controller's choice."""
    routes = Counter(
        (str(hosted["host"]), str(path["path"]), str(path["pathType"]))
        for ingress in plan.of_kind("Ingress")
        for hosted in ingress.spec["rules"]
        for path in hosted["http"]["paths"]
    )
    for (host, path, _), count in routes.items():
        if count > 1:
            text = f"{host}{path} stands {count} times: which backend answers is chance"
            yield Finding(location=f"route {path}", text=text)


@rule(
    "precedence",
    reason="Two paths tie, and chance decides which service answers.",
    remedy="Make one of them longer.",
    live=True,
)
def check_precedence(plan: Plan) -> Iterator[Finding]:
    """Yield a finding where Traefik would not prefer the longer of two paths of a host."""
    if plan.controller != "traefik":
        return
    hosts: dict[str, list[tuple[str, str]]] = {}
    for ingress in plan.of_kind("Ingress"):
        for hosted in ingress.spec["rules"]:
            hosts.setdefault(hosted["host"], []).extend((p["path"], p["pathType"]) for p in hosted["http"]["paths"])
    for host, routes in hosts.items():
        for wide, narrow in itertools.permutations(routes, 2):
            inside = wide[1] == "Prefix" and narrow[0] != wide[0] and narrow[0].startswith(wide[0].rstrip("/") + "/")
            if inside and len(traefik_rule(*narrow)) <= len(traefik_rule(*wide)):
                text = f"{host}{narrow[0]}: Traefik may send it where {wide[0]} leads: its rule is not the longer one"
                yield Finding(location=f"route {narrow[0]}", text=text)


@rule(
    "names",
    reason="The wallet, DNS, certificates and CORS must agree on one host.",
    remedy="Let all of them derive from the network.",
)
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
        served |= {hosted["host"] for hosted in ingress.spec["rules"]}
        yield from _ingress(ingress, hosts, urls["wallet"])
    records = {str(resource.inputs["name"]) for resource in plan.resources if resource.kind == "DnsRecord"}
    for kind, found in (("Ingress hosts", served), ("DNS records", records)):
        if found and found != hosts:
            yield _disagrees(kind, ", ".join(sorted(found)), ", ".join(sorted(hosts)))
    for location, value in _nextauth(plan):
        if value != urls["wallet"]:
            yield _disagrees(f"{location} NEXTAUTH_URL", value, urls["wallet"])


def _ingress(ingress: Resource, hosts: set[str], wallet: str) -> Iterator[Finding]:
    location = f"Ingress/{ingress.object_name}"
    for entry in ingress.spec.get("tls", []):
        names, served = set(entry["hosts"]), {hosted["host"] for hosted in ingress.spec["rules"]}
        if names != served:
            yield _disagrees(f"{location} TLS", ", ".join(sorted(names)), ", ".join(sorted(served)))
    for hosted in ingress.spec["rules"]:
        if hosted["host"] not in hosts:
            yield _disagrees(f"{location} host", hosted["host"], ", ".join(sorted(hosts)))
    annotations: dict[str, Any] = ingress.metadata.get("annotations", {})
    origins = annotations.get(f"{PREFIX}cors-allow-origin")
    if origins is not None and wallet not in [origin.strip() for origin in str(origins).split(",")]:
        yield _disagrees(f"{location} CORS origins", str(origins), wallet)


def _nextauth(plan: Plan) -> Iterator[tuple[str, str]]:
    for pod in pods(plan):
        for container in pod.containers:
            for variable in container.get("env", []):
                if variable["name"] == "NEXTAUTH_URL":
                    yield pod.location, str(variable.get("value"))


def _disagrees(location: str, found: str, wanted: str) -> Finding:
    return Finding(location=location, text=f"says {found} where the rest of the network says {wanted}")
