"""What each ingress controller honours of ingress-nginx's annotations."""

from collections.abc import Iterator, Mapping

from common.cluster import INGRESS_PREFIX as PREFIX

TRAEFIK_HONOURS = frozenset(
    {
        "affinity",
        "auth-realm",
        "auth-response-headers",
        "auth-secret",
        "auth-secret-type",
        "auth-type",
        "auth-url",
        "backend-protocol",
        "cors-allow-credentials",
        "cors-allow-headers",
        "cors-allow-methods",
        "cors-allow-origin",
        "cors-expose-headers",
        "cors-max-age",
        "enable-cors",
        "force-ssl-redirect",
        "proxy-ssl-name",
        "proxy-ssl-secret",
        "proxy-ssl-server-name",
        "proxy-ssl-verify",
        "service-upstream",
        "session-cookie-domain",
        "session-cookie-max-age",
        "session-cookie-name",
        "session-cookie-path",
        "session-cookie-samesite",
        "session-cookie-secure",
        "ssl-passthrough",
        "ssl-redirect",
        "use-regex",
    }
)
"""What Traefik 3.6 reads of ingress-nginx's annotations; 3.7 reads more."""

NGINX_IGNORES = frozenset({"forwarded-for-header", "proxy-real-ip-cidr", "use-forwarded-headers"})
"""Keys of ingress-nginx's ConfigMap that production carries as annotations, without effect (production.md#ingress)."""


def ignored(controller: str, annotations: Mapping[str, object]) -> Iterator[str]:
    """Yield the annotations that a controller does not honour, without their prefix."""
    for name in annotations:
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX)
            honoured = key in TRAEFIK_HONOURS if controller == "traefik" else key not in NGINX_IGNORES
            if not honoured:
                yield key


def traefik_rule(path: str, kind: str) -> str:
    """Return the rule that Traefik makes of a path: its length is its priority."""
    if kind == "Exact":
        return f'Path("{path}")'
    return 'PathPrefix("/")' if path == "/" else f'(Path("{path}") || PathPrefix("{path}/"))'
