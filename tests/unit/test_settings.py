"""Settings: what they say, and the line that each mistake gets."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # comes with kubernetes-validate
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue import CATALOGUE
from catalogue.feature_gates import FeatureGate
from catalogue.managed_components import ManagedComponent
from catalogue.secrets import ENCRYPTED
from common.errors import InputError
from settings.load import settings_from
from settings.model import StackFile
from settings.offline import offline_settings
from settings.project import PROJECT, ROOT, read_mapping
from settings.schema import SCHEMA_FILE, schema_text
from settings.stackfile import read_stack
from tests.helpers.stack import Change, copy_project, drop, edit, mistake, put

NODE_TWICE = {"id": "vps9", "address": "72.60.210.201"}
MISTAKES: list[tuple[str, str, Change, list[str]]] = [
    ("missing key", "mainnet", drop("redis"), ["gx-infra:redis", "missing"]),
    ("unknown key", "mainnet", put("bakcup", {}), ["gx-infra:bakcup", "unknown key", "write backup"]),
    ("unknown key inside", "mainnet", put("minio/sise", "1Gi"), ["gx-infra:minio.sise", "unknown key"]),
    ("wrong type", "mainnet", put("workloads/svc-tax/replicas", "many"), ["workloads.svc-tax.replicas", "'many'"]),
    ("text for a mapping", "mainnet", put("minio", "big"), ["gx-infra:minio = 'big'", "plain text"]),
    ("list for a mapping", "mainnet", put("minio", [1]), ["gx-infra:minio", "valid dictionary"]),
    ("a namespace", "mainnet", put("namespace", "backend-devnet"), ["gx-infra:namespace", "derive from the stack"]),
    (
        "other network's Secret",
        "mainnet",
        put("redis/secret", "redis-devnet"),
        ["redis.secret", "names the network devnet"],
    ),
    (
        "other network's host",
        "devnet",
        put("ingress/corsOrigins", ["https://testnet.gxcoin.money"]),
        ["ingress.corsOrigins[0]", "names the network testnet"],
    ),
    (
        "production's host",
        "devnet",
        put("ingress/corsOrigins", ["https://wallet.gxcoin.money"]),
        ["ingress.corsOrigins[0]", "names the network mainnet"],
    ),
    (
        "other network's namespace",
        "testnet",
        put("ingress/apiTlsSecret", "backend-mainnet"),
        ["ingress.apiTlsSecret", "names the network mainnet"],
    ),
    ("node twice", "mainnet", put("nodes/1", NODE_TWICE), ["nodes[1].address = '72.60.210.201'", "stands 2 times"]),
    ("node id twice", "mainnet", put("nodes/1/id", "vps1"), ["nodes[1].id = 'vps1'", "stands 2 times"]),
    ("no address", "mainnet", put("nodes/0/address", "72.60.210.300"), ["nodes[0].address = '72.60.210.300'"]),
    ("private address", "mainnet", put("nodes/0/address", "10.42.2.204"), ["nodes[0].address", "no public IPv4"]),
    ("IPv6", "mainnet", put("nodes/0/address", "2001:db8::1"), ["nodes[0].address = '2001:db8::1'"]),
    ("unknown node", "mainnet", put("dns/wallet", ["vps4"]), ["dns.wallet[0] = 'vps4'", "no node of this network"]),
    ("node listed twice", "mainnet", put("dns/api", ["vps1", "vps1"]), ["dns.api[1]", "listed twice"]),
    ("no cron", "mainnet", put("backup/schedule", "every 6 hours"), ["backup.schedule = 'every 6 hours'", "no cron"]),
    ("impossible cron", "mainnet", put("backup/schedule", "61 * * * *"), ["backup.schedule = '61 * * * *'"]),
    ("test data on mainnet", "mainnet", put("testUsers", True), ["testUsers = true", "production"]),
    ("mainnet as devnet", "mainnet", put("environment", "development"), ["environment = 'development'", "guards"]),
    ("bad bucket", "mainnet", put("minio/bucket", "GX_Voice"), ["minio.bucket = 'GX_Voice'", "S3 refuses"]),
    ("bucket like an address", "mainnet", put("minio/bucket", "10.0.0.1"), ["minio.bucket = '10.0.0.1'", "S3 refuses"]),
    ("no quantity", "mainnet", put("minio/storage", "50 GB"), ["minio.storage = '50 GB'", "no Kubernetes quantity"]),
    (
        "request above limit",
        "mainnet",
        put("jobs/requests/cpu", "2"),
        ["gx-infra:jobs", "cpu request is above its limit"],
    ),
    ("projector twice", "devnet", put("workloads/projector/replicas", 2), ["workloads.projector.replicas = 2"]),
    ("workload missing", "devnet", drop("workloads/svc-tax"), ["workloads.svc-tax", "missing"]),
    ("workload unknown", "devnet", put("workloads/svc-taxes", {}), ["workloads.svc-taxes"]),
    (
        "Service port to nowhere",
        "devnet",
        put("workloads/svc-tax/service", {"ports": [{"port": 80, "target": "https"}]}),
        ["workloads.svc-tax.service.ports[0].target = 'https'", "no such port"],
    ),
    (
        "Service without http",
        "devnet",
        put("workloads/svc-messaging/service", {"ports": [{"port": 3008, "target": "websocket"}]}),
        ["workloads.svc-messaging.service.ports", "none reaches the http port"],
    ),
    (
        "variable of the catalogue",
        "mainnet",
        put("workloads/svc-messaging/env", {"EMAIL_ENABLED": "x", "S3_ENDPOINT": "http://other"}),
        ["workloads.svc-messaging.env.S3_ENDPOINT", "the catalogue derives it"],
    ),
    (
        "secret as variable",
        "mainnet",
        put("workloads/svc-identity/env", {"RESEND_API_KEY": "re_123"}),
        ["workloads.svc-identity.env.RESEND_API_KEY", "looks like a secret"],
    ),
    (
        "variable name",
        "mainnet",
        put("workloads/svc-identity/env", {"email-enabled": "true"}),
        ["workloads.svc-identity.env.email-enabled"],
    ),
    (
        "redirect loop",
        "mainnet",
        put("cloudflare/sslMode", "flexible"),
        ["ingress.httpsRedirect", "redirected forever"],
    ),
    ("unknown feature gate", "mainnet", put("featureGates", ["non-root"]), ["gx-infra:featureGates[0] = 'non-root'"]),
    ("unknown epoch", "mainnet", put("secretEpochs", {"redis": 2}), ["secretEpochs.redis", "not known"]),
    ("epoch zero", "mainnet", put("secretEpochs", {"minioRoot": 0}), ["secretEpochs.minioRoot = 0"]),
    (
        "unknown external workload",
        "mainnet",
        put("externalWorkloads/mysql", {"replicas": 1}),
        ["externalWorkloads.mysql", "not known"],
    ),
    ("unconfirmed nothing", "mainnet", put("unconfirmed", {"minio.color": "x"}), ["unconfirmed", "no such setting"]),
    ("bad uid", "mainnet", put("clusterUid", "my-cluster"), ["gx-infra:clusterUid = 'my-cluster'"]),
    ("bad zone id", "mainnet", put("cloudflare/zoneId", "gxcoin.money"), ["cloudflare.zoneId = 'gxcoin.money'"]),
    ("negative", "mainnet", put("projectionLagThresholdMs", -1), ["projectionLagThresholdMs", "greater than 0"]),
    ("nested secret", "mainnet", put("redis/key", {"secure": "x"}), ["gx-infra:redis", "would be read in clear"]),
]


@pytest.mark.parametrize(("stack", "change", "expected"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_mistake_in_a_stack_file_gets_one_line(project: Path, stack: str, change: Change, expected: list[str]) -> None:
    line = mistake(project, stack, change)
    for part in expected:
        assert part in line


RELEASE_MISTAKES = [
    ("latest", 'svc-tax: {tag: "2.1.5"}', "svc-tax: {tag: latest}", ["workloads.svc-tax.tag = 'latest'", "moves"]),
    ("missing version", '  svc-tax: {tag: "2.1.5"}\n', "", ["workloads.svc-tax", "missing"]),
    ("unknown service", "svc-tax:", "svc-taxes:", ["workloads.svc-tax", "missing"]),
    ("one too many", "platform:\n", 'platform:\n  redis: {tag: "7"}\n', ["platform.redis", "nothing uses it"]),
    ("number as tag", 'svc-tax: {tag: "2.1.5"}', "svc-tax: {tag: 2.1}", ["workloads.svc-tax.tag = 2.1", "string"]),
    (
        "no digest",
        'svc-tax: {tag: "2.1.5"}',
        'svc-tax: {tag: "2.1.5", digest: abc}',
        ["workloads.svc-tax.digest = 'abc'"],
    ),
    ("other network", "network: devnet", "network: mainnet", ["network = 'mainnet'", "another network"]),
    ("twice", 'svc-tax: {tag: "2.1.5"}', 'svc-tax: {tag: "1"}\n  svc-tax: {tag: "2"}', ["line", "stands twice"]),
    ("malformed", "workloads:", "workloads: [", ["line", "malformed YAML"]),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), [m[1:] for m in RELEASE_MISTAKES], ids=[m[0] for m in RELEASE_MISTAKES]
)
def test_mistake_in_a_release_file_gets_one_line(project: Path, old: str, new: str, expected: list[str]) -> None:
    path = project / "networks/devnet/release.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        offline_settings("devnet", project)
    line = str(caught.value)
    assert line.startswith("networks/devnet/release.yaml: ")
    for part in expected:
        assert part in line


def test_unknown_stack_names_the_known_ones(project: Path) -> None:
    with pytest.raises(InputError, match=r"no stack 'prod'.*devnet, mainnet, testnet"):
        offline_settings("prod", project)


def test_malformed_stack_file_names_the_line(project: Path) -> None:
    (project / "Pulumi.devnet.yaml").write_text("config:\n  gx-infra:minio: [\n")
    with pytest.raises(InputError, match=r"Pulumi\.devnet\.yaml: line \d+, column \d+: malformed YAML"):
        offline_settings("devnet", project)


def test_empty_stack_file_is_refused(project: Path) -> None:
    (project / "Pulumi.devnet.yaml").write_text("")
    with pytest.raises(InputError, match="no mapping"):
        offline_settings("devnet", project)


@pytest.mark.parametrize("stack", ["devnet", "testnet", "mainnet"])
def test_everything_derives_from_the_stack_name(stack: str) -> None:
    network = offline_settings(stack).network
    for name in (
        network.namespace,
        network.redis_host,
        network.database_host,
        network.minio_url,
        network.alerts_config_map,
    ):
        assert stack in name


def test_public_hosts() -> None:
    assert offline_settings("mainnet").network.wallet_url == "https://wallet.gxcoin.money"
    assert offline_settings("mainnet").network.api_url == "https://api.gxcoin.money"
    assert (
        offline_settings("devnet").network.wallet_url
        == offline_settings("devnet").network.api_url
        == "https://devnet.gxcoin.money"
    )


def test_a_new_network_is_data(project: Path) -> None:
    """Adding a network is a stack file and a folder: no code names the three."""
    (project / "Pulumi.stagenet.yaml").write_text(
        (project / "Pulumi.testnet.yaml").read_text().replace("testnet", "stagenet")
    )
    edit(project, "stagenet", put("environment", "testnet"))
    release = (project / "networks/testnet/release.yaml").read_text().replace("testnet", "stagenet")
    (project / "networks/stagenet").mkdir()
    (project / "networks/stagenet/release.yaml").write_text(release)
    assert offline_settings("stagenet", project).network.namespace == "backend-stagenet"


def test_declared_keys_and_read_keys_are_the_same() -> None:
    declared = set(read_mapping("Pulumi.yaml", fix="")["config"])
    assert declared == {field.alias or name for name, field in StackFile.model_fields.items()}
    assert not declared & set(ENCRYPTED)


def test_every_declared_key_is_described() -> None:
    assert all(entry["description"].strip() for entry in read_mapping("Pulumi.yaml", fix="")["config"].values())


def test_stack_files_hold_declared_keys_only() -> None:
    declared = {f"{PROJECT}:{key}" for key in [*read_mapping("Pulumi.yaml", fix="")["config"], *ENCRYPTED]}
    for path in ROOT.glob("Pulumi.*.yaml"):
        assert set(yaml.safe_load(path.read_text())["config"]) <= declared


def test_all_components_are_managed_by_default() -> None:
    assert read_mapping("Pulumi.yaml", fix="")["config"]["managedComponents"]["default"] == [
        component.value for component in ManagedComponent
    ]


def test_editor_schema_is_current() -> None:
    assert (ROOT / SCHEMA_FILE).read_text() == schema_text(), "run `make golden` or `gx schema`"


def test_editor_schema_accepts_the_stack_files_and_refuses_a_slip() -> None:
    validator: Any = jsonschema.Draft202012Validator(json.loads(schema_text()))
    for path in ROOT.glob("Pulumi.*.yaml"):
        document = yaml.safe_load(path.read_text())
        assert not list(validator.iter_errors(document)), path
        document["config"]["gx-infra:minoi"] = {}
        assert list(validator.iter_errors(document))


def test_a_file_as_pulumi_config_set_leaves_it_is_the_same(project: Path) -> None:
    """The CLI writes numbers and truth values back as text, adds a salt and encrypted values."""
    validator: Any = jsonschema.Draft202012Validator(json.loads(schema_text()))
    before = offline_settings("devnet", project).stack
    text = {"projectionLagThresholdMs": "604800000", "testUsers": "true", "nextauthSecret": {"secure": "v1:abc"}}
    edit(project, "devnet", lambda config: config.update(text))
    path = project / "Pulumi.devnet.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "encryptionsalt": "v1:abc"}))
    assert not list(validator.iter_errors(yaml.safe_load(path.read_text())))
    values = read_stack("devnet", project)
    assert values.secrets == ("gx-infra:nextauthSecret",)
    plain = {k.removeprefix("gx-infra:"): v for k, v in values.values.items() if k not in values.secrets}
    assert settings_from("devnet", plain, {}, project).stack == before


def test_secret_in_clear_text_is_refused_without_showing_it(project: Path, gx: Any) -> None:
    edit(project, "devnet", put("nextauthSecret", "correct horse battery"))
    result = gx("preview", "devnet", cwd=project)
    assert result.returncode == 2
    assert "gx-infra:nextauthSecret: a secret in clear text" in result.stderr
    assert "correct horse" not in result.stdout + result.stderr


def test_steps_and_waves_are_described() -> None:
    for gate in FeatureGate:
        assert gate == gate.value
        assert gate.text.endswith(".")
        assert len(gate.text) > 40


def test_catalogue_has_the_eleven_workloads() -> None:
    assert len(CATALOGUE) == 11


WORDS = st.text(st.characters(categories=["L", "N", "P", "S", "Z"]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    value=st.one_of(
        WORDS,
        st.integers(),
        st.booleans(),
        st.none(),
        st.lists(WORDS, max_size=2),
        st.dictionaries(WORDS, WORDS, max_size=2),
    ),
    key=st.sampled_from(
        ["minio", "backup", "nodes", "quota", "environment", "testUsers", "redis", "workloads", "featureGates", "dns"]
    ),
)
def test_no_value_of_a_key_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    root = copy_project(tmp_path_factory.mktemp("fuzz"))
    edit(root, "testnet", put(key, value))
    try:
        offline_settings("testnet", root)
    except InputError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 either way is right
