"""What an Ingress can ask of each controller: annotations by what they are for, and who honours them."""

PREFIX = "nginx.ingress.kubernetes.io/"

UPLOAD_LIMIT = "50m"
"""The largest file that svc-messaging takes (production.md#svc-messaging)."""
TIMEOUT_SECONDS = 300
"""As live; Socket.IO pings every 25 s, so an open socket is never silent that long (production.md#ingress)."""
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
HEADERS = "Authorization, Content-Type, X-Idempotency-Key"
STICKY_COOKIE = "gx-route"


def path_type(controller: str, *, exact: bool) -> str:
    """Return how a path is matched.

    Traefik 3.6 tries the longest rule first, counted in letters: an exact `/health` is just as long as the prefix `/`,
    and on a host that has both, chance decides. As a prefix its rule is longer.
    """
    return "Exact" if exact and controller == "nginx" else "Prefix"


def common_annotations(controller: str, *, redirect: bool, silence_seconds: int) -> dict[str, str]:
    """Return what every Ingress asks for.

    Args:
        controller: nginx or traefik.
        redirect: Whether plain HTTP is redirected.
        silence_seconds: How long a connection may be silent, where the Ingress can say so.
    """
    wanted = {"ssl-redirect": _flag(redirect), "force-ssl-redirect": _flag(redirect)}
    if controller == "nginx":
        wanted |= {
            "proxy-connect-timeout": str(TIMEOUT_SECONDS),
            "proxy-read-timeout": str(silence_seconds),
            "proxy-send-timeout": str(silence_seconds),
            "proxy-http-version": "1.1",
        }
    return {f"{PREFIX}{key}": value for key, value in wanted.items()}


def api_annotations(controller: str, *, origins: tuple[str, ...], hash_by: str) -> dict[str, str]:
    """Return what the API's Ingress asks for beyond that: CORS, uploads, stickiness by address, a limit per address.

    Args:
        controller: nginx or traefik.
        origins: The app's own origins.
        hash_by: The variable by which ingress-nginx picks a replica; for Traefik see `cookie_annotations`.
    """
    wanted = {
        "enable-cors": "true",
        "cors-allow-origin": ", ".join(origins),
        "cors-allow-methods": METHODS,
        "cors-allow-headers": HEADERS,
    }
    if controller == "nginx":
        wanted |= {
            "proxy-body-size": UPLOAD_LIMIT,
            "upstream-hash-by": hash_by,  # Socket.IO over polling must meet the same replica again
            "limit-rps": "100",
            "limit-burst-multiplier": "5",
        }
    return {f"{PREFIX}{key}": value for key, value in wanted.items()}


def upstream_annotations(controller: str) -> dict[str, str]:
    """Return what keeps requests away from a pod that is stopping.

    Traefik 3.6 reads which pods are stopping and loses it on the way: they get their full share until they are gone,
    and then 502 for half a second (tried with real pods). Through the Service's address kube-proxy decides, and it
    leaves them out at once. Not possible where a cookie must find one pod again.
    """
    return {f"{PREFIX}service-upstream": "true"} if controller == "traefik" else {}


def cookie_annotations(path: str) -> dict[str, str]:
    """Return what keeps a client on one replica under Traefik 3.6, which knows cookies alone.

    Only on an Ingress of its own: the cookie names a server of one Service, and the answer of every other Service
    below the same annotations would put its own in its place.

    Args:
        path: The path that the client must meet the same replica at.
    """
    wanted = {
        "affinity": "cookie",
        "session-cookie-name": STICKY_COOKIE,
        "session-cookie-path": path,
        "session-cookie-secure": "true",
        "session-cookie-samesite": "None",  # the wallet calls the API from another host
    }
    return {f"{PREFIX}{key}": value for key, value in wanted.items()}


def _flag(value: bool) -> str:
    return "true" if value else "false"
