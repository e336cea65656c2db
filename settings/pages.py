"""Which page of the documentation explains what an error is about: the one place that knows."""

import re

from common.errors import InputError

SETTINGS = "docs/settings.md"
_TRAFFIC, _BACKUPS, _ADOPTION, _PROMOTION = (
    "docs/traffic.md",
    "docs/backups.md",
    "docs/adoption.md",
    "docs/promotion.md",
)
_OF_SETTING = {
    "adopt": _ADOPTION,
    "backup": _BACKUPS,
    "cloudflare": "docs/deploy.md",
    "clusterUid": _ADOPTION,
    "dns": _TRAFFIC,
    "edge": _TRAFFIC,
    "ingress": _TRAFFIC,
    "kubeContext": "docs/deploy.md",
    "local": "docs/local.md",
    "minio": _BACKUPS,
    "monitoring": "docs/monitoring.md",
    "offsiteAccessKeyId": _BACKUPS,
    "offsiteAgeIdentity": _BACKUPS,
    "offsiteSecretAccessKey": _BACKUPS,
    "promotion": _PROMOTION,
    "retiredEpochs": "docs/runbooks/rotate-s3-key.md",
    "secretEpochs": "docs/runbooks/rotate-s3-key.md",
    "managedComponents": _ADOPTION,
    "workloads": "docs/how-to/add-a-service.md",
}
"""By the first part of the setting's key; every other one has a line in the table of `SETTINGS`."""
_OF_FILE = (
    (r"networks/[^/]+/(release|verified)\.yaml", _PROMOTION),
    (r"networks/[^/]+/adoption\.yaml", _ADOPTION),
    (r"networks/[^/]+/volumes\.yaml", "docs/runbooks/grow-volume.md"),
    (r"networks/[^/]+/local\.yaml", "docs/local.md"),
    (r"Pulumi\.[^/]+\.yaml", "docs/how-to/add-a-network.md"),
    (r"kubeconfig.*", "docs/deploy.md"),
    (r"gx adopt", _ADOPTION),
    (r"gx (backups|restore)", _BACKUPS),
    (r"gx (check|diff)", "docs/changes.md"),
    (r"gx (dns|edge).*", _TRAFFIC),
    (r"gx local.*", "docs/local.md"),
    (r"gx preview", "docs/report.md"),
    (r"gx promote", _PROMOTION),
    (r"gx verify", "docs/verification.md"),
)


def page_of(file: str, key: str) -> str:
    """Return the page that explains an error, relative to the project; empty where none does.

    Args:
        file: The file or command that holds the input.
        key: Where in it, as the error shows it.
    """
    setting = re.match(r"gx-infra:(\w+)", key)
    if setting and not file.endswith("local.yaml"):
        return _OF_SETTING.get(setting[1], SETTINGS)
    return next((page for pattern, page in _OF_FILE if re.fullmatch(pattern, file)), "")


def explained(error: InputError) -> str:
    """Return an error's line with the page that explains it, as every command and the program show it."""
    page = page_of(error.file, error.key)
    return f"{error}; see {page}" if page and page not in error.fix else str(error)
