"""What `gx adopt` cannot read is one line that says so, and nothing is compared."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.engine.conftest import Stack
from tests.engine.hand_made import NETWORK, HandMade
from tests.helpers.stack import edit


@pytest.fixture(scope="module")
def hand_made(make_stack: Callable[..., Stack]) -> HandMade:
    """Return a network whose namespace holds nothing yet."""
    return HandMade(make_stack(NETWORK))


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--check",), {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:1/client/v4"}, "cannot be reached"),
        (("--check",), {"CLOUDFLARE_API_TOKEN": ""}, "CLOUDFLARE_API_TOKEN: is not set"),
        (("--context", "elsewhere"), {}, "context elsewhere"),
        ((), {"KUBECONFIG": "/nowhere/kubeconfig"}, "no cluster can be reached"),
    ],
)
def test_bad_input_is_one_line(
    hand_made: HandMade, arguments: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    result = hand_made.adopt(*arguments, **environment)
    assert result.returncode == 2, result.stdout
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_check_of_a_reachable_network_is_green(hand_made: HandMade) -> None:
    result = hand_made.adopt("--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_an_unreachable_api_server_is_an_error(hand_made: HandMade) -> None:
    text = hand_made.stack.cluster.folder.kubeconfig.read_text()
    elsewhere = hand_made.root / "elsewhere"
    elsewhere.write_text(text.replace(hand_made.api.server, "https://127.0.0.1:1"))
    result = hand_made.adopt("--check", KUBECONFIG=str(elsewhere))
    assert result.returncode == 2
    assert "cannot be reached" in result.stderr


def test_another_cluster_than_the_pinned_one_is_refused(hand_made: HandMade) -> None:
    edit(hand_made.root, NETWORK, lambda config: config.update(clusterUid="11111111-1111-1111-1111-111111111111"))
    try:
        result = hand_made.adopt()
    finally:
        edit(hand_made.root, NETWORK, lambda config: config.update(clusterUid=hand_made.uid))
    assert result.returncode == 2
    assert "leads to the cluster" in result.stderr


@pytest.mark.parametrize(
    ("verbs", "words"),
    [([], 'cannot get resource "namespaces"'), (["get", "list"], 'cannot patch resource "namespaces"')],
)
def test_credentials_without_rights_name_the_right(hand_made: HandMade, verbs: list[str], words: str) -> None:
    result = hand_made.adopt(KUBECONFIG=str(_poor(hand_made, f"may-{'-'.join(verbs) or 'nothing'}", verbs)))
    assert result.returncode == 2
    assert words in result.stderr
    assert "may get, list and patch every kind" in result.stderr


def _poor(hand_made: HandMade, name: str, verbs: list[str]) -> Path:
    """Write a kubeconfig of an account that may do little."""
    api, folder = hand_made.api, hand_made.stack.cluster.folder
    rbac = "rbac.authorization.k8s.io"
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}})
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": verbs}] if verbs else []
    api.create({"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
    binding = {"kind": "ClusterRoleBinding", "metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    api.create({"apiVersion": f"{rbac}/v1", **binding})
    token = api.request("POST", f"/api/v1/namespaces/default/serviceaccounts/{name}/token", body={})["status"]["token"]
    document = yaml.safe_load(folder.kubeconfig.read_text())
    document["users"] = [{"name": "admin", "user": {"token": token}}]
    poor = hand_made.root / name
    poor.write_text(yaml.safe_dump(document))
    return poor


def test_a_terminating_namespace_is_refused(hand_made: HandMade) -> None:
    api, namespace = hand_made.api, "backend-testnet"
    kept = {"metadata": {"finalizers": ["gx.test/hold"]}}
    holder = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "holder", "namespace": namespace, **kept["metadata"]},
    }
    api.create(holder)
    api.delete("v1", "Namespace", "", namespace, propagation="Background")
    try:
        result = hand_made.adopt()
        assert result.returncode == 2
        assert "is being deleted" in result.stderr
    finally:
        api.patch(holder, {"metadata": {"finalizers": None}})
