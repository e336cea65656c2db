"""Guards between networks, around secrets and around the text of a file: what passed once is refused in one line."""

from pathlib import Path

import pytest

from common.errors import InputError
from settings.offline import offline_settings
from settings.project import read_mapping
from tests.helpers.stack import Change, mistake, put

PEM = "-----BEGIN PRIVATE KEY-----"
OFFSITE = {"endpoint": "https://s3.example.com", "bucket": "copies", "schedule": "0 4 * * *"}


def variable(value: str, name: str = "PEER_API") -> Change:
    return put("workloads/svc-messaging/env", {name: value})


def origins(*more: str) -> Change:
    return put("ingress/corsOrigins", ["https://wallet.gxcoin.money", *more])


def handed(secret: str, key: str) -> Change:
    return put("workloads/gx-wallet-frontend/secretEnv", {"FOO": {"secret": secret, "key": key}})


def endpoint(url: str) -> Change:
    return put("backup/offsite", {**OFFSITE, "endpoint": url})


NAMES = [
    ("devnet", "https://api.gxcoin.money"),
    ("devnet", "https://WALLET.gxcoin.money/x"),
    ("devnet", "72.60.210.201"),
    ("mainnet", "217.196.51.190"),
    ("mainnet", "redis.testnet.svc"),
    ("mainnet", "s3://devnet/x"),
    ("mainnet", "backend%2Ddevnet"),
    ("mainnet", "backend%252Ddevnet"),
    ("testnet", "fabric-mainnet"),
]


@pytest.mark.parametrize(("stack", "text"), NAMES)
def test_a_text_that_names_another_network_is_refused(project: Path, stack: str, text: str) -> None:
    assert "names the network " in mistake(project, stack, variable(text))


@pytest.mark.parametrize(
    "text",
    ["backend-dev\u200bnet", "backend\u2010devnet", "\uff44\uff45\uff56\uff4e\uff45\uff54", "größe", "a\tb", "a\nb"],
)
def test_a_variable_outside_printable_ascii_is_refused(project: Path, text: str) -> None:
    line = mistake(project, "mainnet", variable(text))
    assert "names the network devnet" in line or "outside printable ASCII" in line


@pytest.mark.parametrize("text", ["price $$5", "$(HOME)/x"])
def test_a_variable_that_kubernetes_would_change_is_refused(project: Path, text: str) -> None:
    assert "would be changed on its way" in mistake(project, "mainnet", variable(text))


def test_a_network_whose_name_begins_anothers_disturbs_nobody(project: Path) -> None:
    (project / "Pulumi.test.yaml").write_text((project / "Pulumi.testnet.yaml").read_text())
    assert offline_settings("testnet", project).others == ("devnet", "mainnet", "test")


def test_a_broken_file_of_another_network_is_that_networks_matter(project: Path) -> None:
    (project / "Pulumi.testnet.yaml").write_text("config: [")
    assert offline_settings("devnet", project).network.name == "devnet"


def test_production_and_another_network_share_no_node(project: Path) -> None:
    line = mistake(project, "testnet", put("nodes/0/address", "72.61.116.210"))
    assert "is a node of mainnet, and one of the two is production" in line


@pytest.mark.parametrize(
    "origin", ["https://*.gxcoin.money", "https://a;}evil{.gxcoin.money", "https://devnet-preview.gxcoin.money"]
)
def test_an_origin_is_one_host_of_the_own_network(project: Path, origin: str) -> None:
    assert "ingress.corsOrigins[1]" in mistake(project, "mainnet", origins(origin))


@pytest.mark.parametrize(
    ("secret", "key"),
    [("minio-credentials", "MINIO_ROOT_PASSWORD"), ("minio-users", "BACKUP"), ("gx-connections", "DATABASE_URL")],
)
def test_a_secret_that_the_program_makes_is_handed_to_nobody_else(project: Path, secret: str, key: str) -> None:
    line = mistake(project, "mainnet", handed(secret, key))
    assert f"secretEnv.FOO.secret = '{secret}': is a Secret that the program makes" in line


def test_a_secret_of_others_cannot_have_the_name_of_an_own_one(project: Path) -> None:
    assert "two would write it" in mistake(project, "mainnet", put("ingress/apiTlsSecret", "gx-connections"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A_LINK", "postgresql://u:pw@h/x"),
        ("A_PK", PEM),
        ("A_CLOUD", "AKIAABCDEFGHIJKLMNOP"),
        ("A_GIT", "ghp_abcdefghijklmnopqrstuvwxyz0123"),
        ("A_LOGIN", "eyJhbGciOi.eyJzdWIiOi.x"),
        ("A_THING", "Zk3vQ9xW7rT2yU8pL5mN1bC6dF4gH0jK"),
        ("APIKEY", "x"),
        ("DB_PASS", "x"),
        ("DB_PWD", "x"),
        ("MY_DSN", "x"),
    ],
)
def test_a_secret_in_clear_text_is_refused_and_not_shown(project: Path, name: str, value: str) -> None:
    line = mistake(project, "devnet", variable(value, name))
    assert "looks like a secret" in line
    assert len(value) < 2 or value not in line


@pytest.mark.parametrize(
    "url",
    [
        "https://minio:9000",
        "https://minio.backend-mainnet.svc.cluster.local.",
        "https://minio.backend-mainnet.SVC",
        "https://127.0.0.1",
        "https://[::1]",
        "https://10.43.0.10",
        "https://169.254.169.254",
        "https://my_s3.example.com",
        "https://s3.example.com:abc",
        "https://s3.example.com:0",
        "https://s3.example.com#x",
        "https://:pw@s3.example.com",
        "https://s3.example.com \n",
        "https://72.60.210.201",
    ],
)
def test_an_off_site_bucket_lies_outside(project: Path, url: str) -> None:
    assert "gx-infra:backup.offsite.endpoint" in mistake(project, "mainnet", endpoint(url))


def test_a_region_is_a_name(project: Path) -> None:
    assert "offsite.region" in mistake(project, "mainnet", put("backup/offsite", {**OFFSITE, "region": "us east 1"}))


def written(project: Path, text: str) -> str:
    """Return the line that refuses devnet's file with some text behind it."""
    path = project / "Pulumi.devnet.yaml"
    path.write_text(path.read_text() + text)
    with pytest.raises(InputError) as caught:
        offline_settings("devnet", project)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gx-infra:testUsers: false\n", "gx-infra:testUsers: nothing reads a key here"),
        ("  testUsers: false\n", "testUsers: nothing reads a key without the prefix"),
        ("  kubernetes:context: x\n", "kubernetes:context: nothing reads a key without the prefix"),
        ("  5: x\n", "the key 5 is no text"),
        ("  ~: x\n", "the key None is no text"),
        ("  2026-01-01: x\n", "means one thing to Pulumi and another to gx"),
        ("  ? [a]\n  : b\n", "malformed YAML"),
        ("  gx-infra:x: 2026-02-30\n", "malformed YAML"),
        ("  gx-infra:x: !!int abc\n", "malformed YAML"),
        ('  gx-infra:x: !!int ""\n', "malformed YAML"),
        ("  gx-infra:x: !!float\n", "malformed YAML"),
        ("  gx-infra:x: !!bool\n", "malformed YAML"),
        (f"  gx-infra:x: {'9' * 5000}\n", "malformed YAML"),
        (f"  gx-infra:x: {'[' * 3000}\n", "malformed YAML"),
        ("  gx-infra:x: &x [*x]\n", "an alias holds itself"),
    ],
)
def test_what_a_stack_file_cannot_hold_is_one_line(project: Path, text: str, words: str) -> None:
    line = written(project, text)
    assert line.startswith("Pulumi.devnet.yaml: ")
    assert words in line
    assert "\n" not in line
    assert len(line) < 400


def test_aliases_that_would_fill_the_memory_are_refused(project: Path) -> None:
    levels = [f"  gx-infra:a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)]
    assert "its aliases come to more than" in written(project, "  gx-infra:a0: &a0 [x]\n" + "".join(levels))


@pytest.mark.parametrize("text", ["2026-01-01", "1e3", "168:00:00", "0o10", "010", "22:30", "on", "No", "1_000", ".5"])
def test_a_text_that_pulumi_reads_otherwise_must_be_quoted(project: Path, text: str) -> None:
    path = project / "Pulumi.devnet.yaml"
    path.write_text(path.read_text() + f"  gx-infra:x: {text}\n")
    with pytest.raises(InputError, match="means one thing to Pulumi and another to gx: write it in quotes"):
        read_mapping("Pulumi.devnet.yaml", root=project, fix="")
    path.write_text(path.read_text().replace(f"x: {text}\n", f'x: "{text}"\n'))
    assert read_mapping("Pulumi.devnet.yaml", root=project, fix="")["config"]["gx-infra:x"] == text


def test_a_merge_key_is_read_as_the_engine_reads_it(project: Path) -> None:
    (project / "Pulumi.x.yaml").write_text("config:\n  a: &a {p: one, q: two}\n  b:\n    <<: *a\n    q: three\n")
    assert read_mapping("Pulumi.x.yaml", root=project, fix="")["config"]["b"] == {"p": "one", "q": "three"}


def test_a_line_shows_no_value_that_may_be_a_secret(project: Path) -> None:
    line = mistake(project, "devnet", put("minioRootPasword", "hunter2-of-production"))
    assert "gx-infra:minioRootPasword: unknown key" in line
    assert "hunter2" not in line
    line = mistake(project, "mainnet", endpoint("https://key:hunter2@s3.example.com"))
    assert "hunter2" not in line


def test_a_long_value_makes_no_long_line(project: Path) -> None:
    assert len(mistake(project, "devnet", put("zone", "x" * 5000))) < 500
