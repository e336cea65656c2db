"""The fake for the workloads on a real PostgreSQL, Redis and MinIO: it works as they do, and fails as they did."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from settings.project import ROOT
from tests.conftest import tool
from tests.data.servers import BUCKET, ROOT_PASSWORD, ROOT_USER, Minio
from tests.data.sql_jobs import Job, Query
from tests.helpers.network import free_port

PASSWORD = "generated-test-password-0123456789"
REDIS_PASSWORD = "redis@/:?#%"
PLATFORM = (ROOT / "images" / "fakes" / "platform.sql").read_text(encoding="utf-8")
DENY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::*"]}],
}


class Running:
    """One workload."""

    def __init__(self, port: int, log: Path) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)
        self._log = log

    def ask(self, method: str, path: str, token: str = "", **more: object) -> httpx.Response:
        """Send one request."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

    def log(self) -> str:
        """Return what it wrote."""
        return self._log.read_text(encoding="utf-8")


Start = Callable[..., "Running"]


@pytest.fixture(scope="module")
def redis() -> Generator[str]:
    """Return the URL of a Redis with a password that a URL must quote."""
    port = free_port()
    command = [tool("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen([*command, "--requirepass", REDIS_PASSWORD], stdout=subprocess.DEVNULL) as child:
        try:
            yield f"redis://:{_quoted(REDIS_PASSWORD)}@127.0.0.1:{port}"
        finally:
            child.terminate()


def _quoted(text: str) -> str:
    return "".join(f"%{ord(letter):02X}" for letter in text)


@pytest.fixture
def start(  # noqa: PLR0917 fixtures
    schema: Job, test_users: Job, database: dict[str, str], query: Query, redis: str, minio: Minio, tmp_path: Path
) -> Generator[Start]:
    """Return a function that starts a workload with the variables of its manifest, some of them changed."""
    query(PLATFORM)
    assert schema.run(database)[0] == 0
    assert test_users.run(database, TEST_USER_PASSWORD=PASSWORD)[0] == 0
    url = f"postgresql://{database['PGUSER']}:x@127.0.0.1:{database['PGPORT']}/{database['PGDATABASE']}?schema=public"
    usual = {
        "DATABASE_URL": url,
        "REDIS_URL": redis,
        "JWT_SECRET": "a key of this test, long enough for its kind",
        "S3_ENDPOINT": minio.url,
        "S3_BUCKET_VOICE": BUCKET,
        "AWS_ACCESS_KEY_ID": ROOT_USER,
        "AWS_SECRET_ACCESS_KEY": ROOT_PASSWORD,
        "PROJECTION_LAG_THRESHOLD_MS": "604800000",
    }
    children: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def run(workload: str, **changed: str) -> Running:
        port, log = free_port(), tmp_path / f"{workload}-{len(children)}.log"
        own = {"WORKLOAD": workload, "WORKLOAD_PORT": str(port), "PYTHONPATH": str(ROOT / "images" / "fakes")}
        environment = {**os.environ, **usual, **own, **changed}
        with log.open("wb") as out:
            children.append(subprocess.Popen([sys.executable, "-m", "fakes"], env=environment, stdout=out, stderr=out))
        running = Running(port, log)
        clients.append(running.client)
        _wait(running)
        return running

    yield run
    for client in clients:
        client.close()
    for child in children:
        child.terminate()
    for child in children:
        assert child.wait(30) in {0, -signal.SIGTERM}, "it stops when it is asked to"


def _wait(running: Running) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            running.ask("GET", "/livez")
        except httpx.HTTPError:
            assert time.monotonic() < deadline, running.log()
            time.sleep(0.1)
        else:
            return


def _log_in(identity: Running, name: str) -> tuple[str, str]:
    said = identity.ask(
        "POST", "/api/v1/auth/login", json={"email": f"{name}@devnet.gxcoin.test", "password": PASSWORD}
    )
    assert said.status_code == 200, said.text
    return said.json()["user"]["profileId"], said.json()["accessToken"]


@contextmanager
def _talking(start: Start, **changed: str) -> Generator[tuple[Running, str, str]]:
    """Yield svc-messaging, a token and a conversation."""
    identity = start("svc-identity")
    (_, token), (other, _) = _log_in(identity, "alice.johnson"), _log_in(identity, "bob.williams")
    messaging = start("svc-messaging", **changed)
    opened = messaging.ask("POST", "/api/v1/conversations", token, json={"participantIds": [other]})
    assert opened.status_code == 201, opened.text
    yield messaging, token, opened.json()["data"]["conversationId"]


def _upload(messaging: Running, token: str, conversation: str) -> httpx.Response:
    part = {"file": ("a.txt", b"what was sent", "text/plain")}
    return messaging.ask("POST", f"/api/v1/files/conversations/{conversation}", token, files=part)


def test_people_log_in_with_the_hash_that_the_job_made(start: Start) -> None:
    identity = start("svc-identity")
    assert identity.ask("GET", "/health").json() == {"status": "ok"}
    assert len(_log_in(identity, "alice.johnson")[1]) > 50
    wrong = {"email": "alice.johnson@devnet.gxcoin.test", "password": "wrong"}
    assert identity.ask("POST", "/api/v1/auth/login", json=wrong).status_code == 401
    assert PASSWORD not in identity.log()


def test_a_token_of_another_network_is_refused(start: Start) -> None:
    _, token = _log_in(start("svc-identity", JWT_SECRET="the key of another network, just as long"), "alice.johnson")
    assert start("svc-tax").ask("GET", "/api/v1/fees", token).status_code == 401


def test_conversations_messages_and_files(start: Start) -> None:
    with _talking(start) as (messaging, token, conversation):
        url = f"/api/v1/messages/conversations/{conversation}"
        sealed = {"encryptedContent": "x", "contentNonce": "x", "encryptionKeyId": "x"}
        assert messaging.ask("POST", url, token, json=sealed).json()["data"]["status"] == "SENT"
        assert messaging.ask("POST", url, token, json={}).status_code == 400
        assert messaging.ask("POST", f"{url}-of-others", token, json=sealed).status_code == 403
        listed = messaging.ask("GET", "/api/v1/conversations", token).json()
        assert [row["conversationId"] for row in listed["data"]] == [conversation]
        key = _upload(messaging, token, conversation).json()["data"]["fileStorageKey"]
        assert key.startswith(f"files/{conversation}/")
        assert messaging.ask("GET", f"/api/v1/files/download?storageKey={key}", token).content == b"what was sent"
        metrics = messaging.ask("GET", "/metrics").text
    line = 'http_http_requests_total{method="POST",route="/api/v1/files/conversations/{id}",status="201"} 1.0'
    assert line in metrics


def test_a_wrong_redis_password_leaves_the_pod_ready(start: Start, redis: str) -> None:
    """As in production (production.md, incident 1): the pod is ready, and only its log and a login tell."""
    wrong = redis.replace(_quoted(REDIS_PASSWORD), "wrong")
    with _talking(start, REDIS_URL=wrong) as (messaging, _, _):
        assert messaging.ask("GET", "/health").status_code == 200
        deadline = time.monotonic() + 30
        while "invalid username-password" not in messaging.log():
            assert time.monotonic() < deadline, messaging.log()
            time.sleep(0.1)


def test_a_denied_bucket_fails_every_upload_and_nothing_else(start: Start, minio: Minio, tmp_path: Path) -> None:
    policy = tmp_path / "deny.json"
    policy.write_text(json.dumps(DENY))
    assert minio.mc("admin", "policy", "create", "gx", "deny", str(policy)).returncode == 0
    assert minio.mc("admin", "user", "add", "gx", "denied", "denied-secret-key").returncode == 0
    assert minio.mc("admin", "policy", "attach", "gx", "deny", "--user", "denied").returncode == 0
    keys = {"AWS_ACCESS_KEY_ID": "denied", "AWS_SECRET_ACCESS_KEY": "denied-secret-key"}
    with _talking(start, **keys) as (messaging, token, conversation):
        assert _upload(messaging, token, conversation).status_code == 500
        assert "AccessDenied" in messaging.log()
        assert messaging.ask("GET", "/health").status_code == 200


def test_without_keys_storage_is_silently_off(start: Start) -> None:
    with _talking(start, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="") as (messaging, token, conversation):
        answer = _upload(messaging, token, conversation)
        assert (answer.status_code, answer.json()) == (201, {"data": {}})


def test_without_the_database_it_is_not_ready(start: Start) -> None:
    admin = start("svc-admin", DATABASE_URL=f"postgresql://gx:x@127.0.0.1:{free_port()}/none")
    assert admin.ask("GET", "/livez").status_code == 200
    assert admin.ask("GET", "/health").status_code == 503
    assert admin.ask("GET", "/readyz").status_code == 503


def test_a_projection_that_lags_takes_the_pod_out(start: Start, query: Query) -> None:
    tokenomics = start("svc-tokenomics", PROJECTION_LAG_THRESHOLD_MS="5000")
    assert tokenomics.ask("GET", "/readyz").status_code == 200, "no row yet is no lag"
    query("""INSERT INTO "ProjectorState" VALUES ('default', 'p', 'c', 1, 1, now() - interval '1 minute')""")
    assert tokenomics.ask("GET", "/readyz").status_code == 503
    start("projector")
    deadline = time.monotonic() + 30
    while tokenomics.ask("GET", "/readyz").status_code != 200:
        assert time.monotonic() < deadline, "the projector brings it up to date"
        time.sleep(0.2)


def test_money_is_asked_for_and_paid_once(start: Start, query: Query) -> None:
    identity = start("svc-identity")
    (_, alice), (_, bob) = _log_in(identity, "alice.johnson"), _log_in(identity, "bob.williams")
    code = identity.ask("POST", "/api/v1/qsend", alice, json={"amount": 50}).json()["requestCode"]
    assert code.startswith("QS-")
    assert identity.ask("POST", f"/api/v1/qsend/{code}/pay", alice).status_code == 400, "one's own"
    assert identity.ask("POST", f"/api/v1/qsend/{code}/pay", bob).status_code == 202
    assert identity.ask("POST", f"/api/v1/qsend/{code}/pay", bob).status_code == 400, "paid already"
    assert identity.ask("GET", f"/api/v1/qsend/{code}", alice).json()["payerName"] == "Robert"
    start("outbox-submitter")
    deadline = time.monotonic() + 30
    balances = 'SELECT "cachedBalance"::int FROM "Wallet" ORDER BY 1'
    while query(balances) != ["4950", "10050"]:
        assert time.monotonic() < deadline, query(balances)
        time.sleep(0.2)


def test_the_wallet_has_its_pages_and_the_urls_of_its_image(start: Start) -> None:
    wallet = start(
        "gx-wallet-frontend",
        DATABASE_URL="",
        NEXTAUTH_URL="https://devnet.gxcoin.money",
        NEXT_PUBLIC_API_URL="https://devnet.gxcoin.money",
        NEXT_PUBLIC_WS_URL="wss://devnet.gxcoin.money",
    )
    assert wallet.ask("GET", "/login").status_code == 200
    assert wallet.ask("GET", "/messages").headers["location"].startswith("/login")
    assert "https://devnet.gxcoin.money" in wallet.ask("GET", "/_next/static/chunks/main.js").text
