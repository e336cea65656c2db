"""Writes the targets of Prometheus into a file: Debian builds it without Kubernetes discovery.

Runs with Debian's Python alone. Targets are the pods that production's Prometheus would find, by annotation.
"""

import http.client
import json
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PAUSE_SECONDS = 5
ENDED = {"Succeeded", "Failed"}


def targets(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a group per pod that wants to be scraped, labelled as production labels it (production.md#monitoring)."""
    found: list[dict[str, Any]] = []
    for pod in pods:
        meta, status = pod["metadata"], pod["status"]
        wanted = {
            key.rpartition("/")[2]: text for key, text in meta.get("annotations", {}).items() if "prometheus.io/" in key
        }
        if wanted.get("scrape") != "true" or not status.get("podIP") or status.get("phase") in ENDED:
            continue
        labels = {
            "__metrics_path__": wanted.get("path", "/metrics"),
            "app": meta["labels"].get("app", ""),
            "kubernetes_namespace": meta["namespace"],
            "kubernetes_pod_name": meta["name"],
        }
        found.append({"targets": [f"{status['podIP']}:{wanted['port']}"], "labels": labels})
    return found


def _pods(namespace: str) -> list[dict[str, Any]]:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"}
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    connection = http.client.HTTPSConnection(host, int(port), timeout=10, context=context)
    try:
        connection.request("GET", f"/api/v1/namespaces/{namespace}/pods", headers=headers)
        listed = json.load(connection.getresponse())
    finally:
        connection.close()
    items: list[dict[str, Any]] = listed.get("items", [])
    return items


def main() -> None:
    """Write the file again and again: discovery FILE NAMESPACE..."""
    file, namespaces = Path(sys.argv[1]), sys.argv[2:]
    while True:
        try:
            found = [group for namespace in namespaces for group in targets(_pods(namespace))]
            part = file.with_suffix(".part")
            part.write_text(json.dumps(found))
            part.replace(file)
        except (OSError, ValueError, http.client.HTTPException) as error:
            sys.stderr.write(f"discovery: {error}\n")
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
