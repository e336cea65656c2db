"""Any JSON from a server, and any damage to the objects of a right one, ends in a result or in one line."""

import asyncio
import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import ClusterError, InputError
from common.known_secrets import remember
from common.objects import mapping
from common.plan import Plan
from gx.adoption.adopt import decide
from gx.adoption.as_found import policies_as_found, release_as_found, volumes_as_found
from gx.adoption.live import read_live
from gx.adoption.tried import refused_by_server
from gx.check.live import live_findings
from gx.cluster import zone
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from gx.cluster.session import Prepared
from gx.rotation.rotate import check_deployment
from gx.verify.inside import Inside, inside_checks
from gx.verify.model import Cause, Check, CheckFailedError, Outcome
from gx.verify.record import counted_failures
from gx.verify.runner import run_checks
from gx.verify.running import running
from settings.monitoring.rules import rule_file
from settings.offline import offline_settings
from settings.project import read_mapping, release_file
from tests.helpers.fake_api import KINDS, UID, FakeApi, fake_api, write_kubeconfig
from tests.helpers.live import World, live_world

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "metadata", "name", "namespace", "spec", "status", "items", "resources", "uid"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
PAGES = st.fixed_dictionaries(
    {"success": st.just(value=True)},
    optional={
        "result": JSON
        | st.lists(
            st.fixed_dictionaries(
                {}, optional=dict.fromkeys(("id", "name", "type", "content", "ttl", "proxied", "comment"), JSON)
            ),
            max_size=3,
        ),
        "result_info": JSON | st.fixed_dictionaries({"total_pages": JSON | st.integers(0, 3)}),
    },
)
"""What comes near a page of records."""
SAID = (InputError, ClusterError, CheckFailedError)
"""The errors of which each is one line of a command, or of a check."""
EXAMPLES = settings(
    max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
MAINNET = offline_settings("mainnet", adopting=False)


ZONES: dict[str, Callable[[], object]] = {
    "records": lambda: zone.Zone("0" * 32, "token").records(),
    "ranges": zone.published_ranges,
}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeApi]:
    with fake_api() as running:
        yield running


@pytest.fixture(scope="module")
def api(server: FakeApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubernetesApi]:
    folder = tmp_path_factory.mktemp("kubeconfig")
    api = KubernetesApi.connect(write_kubeconfig(folder / "kubeconfig", server.url, {}))
    for version in ("v1", "apps/v1"):
        api.kind(version, {"v1": "Secret", "apps/v1": "Deployment"}[version])
    yield api
    api.close()


DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "default"}}
CALLS: dict[str, Callable[[KubernetesApi], object]] = {
    "kind": lambda api: api.kind("batch/v1", "Job"),
    "get": lambda api: api.get("v1", "Secret", "default", "x"),
    "list": lambda api: list(api.list_objects("apps/v1", "Deployment", "default")),
    "uid": KubernetesApi.uid,
    "create": lambda api: api.create(DEPLOYMENT),
    "apply": lambda api: api.apply(DEPLOYMENT, manager="x"),
    "patch": lambda api: api.patch(DEPLOYMENT, {}),
    "replace": lambda api: api.replace(DEPLOYMENT, manager="x"),
    "warnings": lambda api: api.warnings_of(DEPLOYMENT, {}),
    "delete": lambda api: api.delete("apps/v1", "Deployment", "default", "x", propagation="Background"),
    "proxied": lambda api: api.proxied("default", "pods/x:1", "/"),
    "log": lambda api: api.pod_log("default", "x"),
    "running": lambda api: running(api, MAINNET).problems(MAINNET),
}


def said(work: Callable[[], object]) -> str:
    """Return the one line by which something was refused; empty where it was not."""
    try:
        work()
    except SAID as error:
        return str(error)
    return ""


def test_any_json_of_an_api_server_is_a_result_or_a_line(server: FakeApi, api: KubernetesApi) -> None:
    counted = Counter[bool]()

    @EXAMPLES
    @given(call=st.sampled_from(list(CALLS.values())), answer=JSON)
    def check(call: Callable[[KubernetesApi], object], answer: object) -> None:
        server.answer = json.dumps(answer).encode()
        line = said(lambda: call(api))
        assert "\n" not in line
        counted[bool(line)] += 1

    check()
    assert counted.total() >= 2000
    assert min(counted.values()) > 100


@pytest.mark.parametrize("read", ZONES.values(), ids=ZONES)
def test_any_json_of_cloudflare_is_a_result_or_a_line(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]
) -> None:
    answered: list[object] = []
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=json.dumps(answered[-1])))

    def with_answers(_: object) -> httpx.Client:
        return httpx.Client(base_url="http://127.0.0.1", transport=transport)

    monkeypatch.setattr(zone, "_client", with_answers)

    @EXAMPLES
    @given(answer=JSON | PAGES)
    def check(answer: object) -> None:
        answered.append(answer)
        assert "\n" not in said(read)

    check()
    assert len(answered) >= 2000


def _labelled(one: object, pairs: Sequence[tuple[str, ...]]) -> bool:
    labels = mapping(one, "metadata", "labels")
    return all(labels.get(pair[0]) == pair[1] for pair in pairs)


class Damaged(KubernetesApi):
    """An API server of a right network, in one object of which one thing is damaged."""

    server = "test"  # type: ignore[assignment]

    def __init__(self, world: World) -> None:
        super().__init__(None, "test")
        self.world = world

    def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: object, content_type: str
    ) -> tuple[bytes, list[str]]:
        del content_type
        answer = self._answer(method, path, body)
        if "items" in answer and (wanted := (query or {}).get("labelSelector")):
            pairs = [pair.partition("=")[::2] for pair in wanted.split(",")]
            answer["items"] = [one for one in answer["items"] if _labelled(one, pairs)]
        return json.dumps(answer).encode(), []

    def run_in_pod(self, *_: object, **__: object) -> tuple[int, str]:
        """Run nothing."""
        return 0, ""

    def _answer(self, method: str, path: str, body: object) -> dict[str, Any]:
        parts = path.strip("/").split("/")
        version, rest = ("v1", parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
        if "proxy" in rest:
            return {"data": {"groups": self.world["groups"]}}
        if parts == ["apis"]:
            return {"groups": []}
        if not rest:
            if version not in KINDS:
                raise ApiError(404, "NotFound", f"the server serves no {version}")
            kinds = KINDS[version].split()
            return {"resources": [{"kind": kind, "name": kind, "namespaced": kind not in CLUSTER} for kind in kinds]}
        if method != "GET" and isinstance(body, str):  # what is applied
            return cast("dict[str, Any]", json.loads(body))
        namespace = rest[1] if rest[0] == "namespaces" and len(rest) > 2 else ""
        kind, name, *_ = [*(rest[2:] if namespace else rest), "", ""]
        kind = "Namespace" if kind == "namespaces" else kind
        found = [one for one in self.world.get(version, []) if one.get("kind") == kind and _in(one, namespace)]
        if name:
            found = [one for one in found if mapping(one, "metadata").get("name") == name]
            if not found:
                raise ApiError(404, "NotFound", f"there is no {kind} {name}")
            return found[0]
        return {"metadata": {}, "items": found}


CLUSTER = ("Namespace", "Node")


def _loaded(group: dict[str, Any]) -> dict[str, Any]:
    """Return a group of rules as Prometheus lists it."""
    return {"name": group["name"], "rules": [{"name": r.get("alert") or r["record"], **r} for r in group["rules"]]}


def _in(found: dict[str, Any], namespace: str) -> bool:
    return not namespace or mapping(found, "metadata").get("namespace") in (namespace, None)


def damage(draw: st.DataObject, world: World) -> None:
    """Damage one thing of one object: another value, or none."""
    below: Any = draw.draw(st.sampled_from([one for objects in world.values() for one in objects]))
    found: Any = None
    key: Any = None
    while isinstance(below, (dict, list)) and below and (found is None or draw.draw(st.booleans())):
        found = cast("Any", below)
        keys: list[Any] = list(found if isinstance(below, dict) else range(len(found)))
        key = draw.draw(st.sampled_from(keys))
        below = found[key]
    if isinstance(found, dict) and draw.draw(st.booleans()):
        del found[key]
    else:
        found[key] = draw.draw(JSON)


@pytest.fixture(scope="module")
def mainnet(plans: dict[str, Plan]) -> tuple[Plan, World]:
    world = live_world(plans["mainnet"], UID)
    return plans["mainnet"], world | {"groups": [_loaded(group) for group in rule_file(MAINNET)["groups"]]}


def adopted(api: KubernetesApi, plan: Plan) -> None:
    live = read_live(api, MAINNET, None)
    decide(plan, live, zone_id="0" * 32, accepted=(), kept_secrets=frozenset())
    list(refused_by_server(api, plan, live))
    release_as_found(read_mapping(release_file("mainnet"), fix=""), live)
    volumes_as_found(live)
    policies_as_found(plan, live)


def checked(api: KubernetesApi, plan: Plan) -> None:
    live_findings(Prepared(settings=MAINNET, api=api, zone=None, before=None, kept_secrets=()), plan)


def verified(api: KubernetesApi, _: Plan) -> None:
    """Run every check; what the world does not hold fails alone, and some must pass."""
    inside = Inside(settings=MAINNET, api=api, others=("devnet",))
    passed = 0
    for check in inside_checks(inside):
        try:
            asyncio.run(cast("Any", check.run()))
        except SAID:
            continue
        passed += 1
    assert passed


def retired(api: KubernetesApi, _: Plan) -> None:
    check_deployment(api, MAINNET.network.namespace, "svc-messaging")


@pytest.mark.soak
@pytest.mark.parametrize("work", [adopted, checked, verified, retired])
def test_any_damage_is_a_result_or_a_line(
    mainnet: tuple[Plan, World], work: Callable[[KubernetesApi, Plan], None]
) -> None:
    plan, world = mainnet
    assert said(lambda: work(Damaged(world), plan)) == "", "without damage it comes to its end"
    seen = Counter[bool]()

    @EXAMPLES
    @given(draw=st.data())
    def check(draw: st.DataObject) -> None:
        mine = copy.deepcopy(world)
        damage(draw, mine)
        line = said(lambda: work(Damaged(mine), plan))
        assert "\n" not in line
        seen[bool(line)] += 1

    check()
    assert seen.total() >= 2000
    assert work is verified or min(seen.values()) > 10


def test_a_check_that_breaks_off_costs_no_other_result() -> None:
    async def broken() -> str:
        await asyncio.sleep(0)
        raise TypeError("no subscript: hunter2hunter2")

    async def right() -> str:
        await asyncio.sleep(0)
        return "seen"

    remember("hunter2hunter2")
    checks = [Check(name=name, group="x", run=run) for name, run in (("a", broken), ("b", right))]
    first, second = asyncio.run(run_checks(checks, 5))
    assert (first.outcome, first.cause, second.text) == (Outcome.FAILED, Cause.HERE, "seen")
    assert "broke off, please report it (TypeError: no subscript" in first.text
    assert "hunter2" not in first.text
    assert counted_failures([first, second]) == []
