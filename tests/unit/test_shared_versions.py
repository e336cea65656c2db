"""Programs that are compiled with Kubernetes' client libraries pin one version of them: go compiles a package once."""

import re
from collections import defaultdict

from devcluster.binaries import FOLDER

FAMILY = ("coredns", "cyclonus", "kube-router", "kwok", "traefik")
SHARED = ("golang.org/x/", "google.golang.org/protobuf", "k8s.io/", "sigs.k8s.io/")


def test_what_they_share_has_one_version() -> None:
    versions: dict[str, set[str]] = defaultdict(set)
    for name in FAMILY:
        text = (FOLDER / name / "go.mod").read_text()
        for path, version in re.findall(r"^\t(\S+) (v\S+)", text, re.MULTILINE):
            if path.startswith(SHARED):
                versions[path].add(version)
    assert {"k8s.io/client-go", "k8s.io/api"} <= versions.keys()
    assert {path: found for path, found in versions.items() if len(found) > 1} == {}
