"""Connection URLs: whatever a password holds, a client reads the same password back (incident 3)."""

from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from common.naming import Network
from components.urls import database_url, redis_url

NETWORK = Network(name="mainnet", production=True, zone="gxcoin.money", bucket="gx-voice-messages")
PASSWORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(PASSWORDS)
def test_redis_password_survives(password: str) -> None:
    parts = urlsplit(redis_url(NETWORK.redis_host, password))
    assert parts.scheme == "redis"
    assert parts.hostname == "redis-master.backend-mainnet.svc.cluster.local"
    assert parts.port == 6379
    assert unquote(parts.password or "") == password


@given(PASSWORDS, PASSWORDS)
def test_database_user_and_password_survive(user: str, password: str) -> None:
    parts = urlsplit(database_url(NETWORK.database_host, user, password))
    assert unquote(parts.username or "") == user
    assert unquote(parts.password or "") == password
    assert parts.hostname == "postgres-primary.backend-mainnet.svc.cluster.local"
    assert (parts.port, parts.path, parts.query) == (5432, "/gx_protocol", "schema=public")


@given(PASSWORDS)
def test_url_is_plain_ascii_without_reserved_characters(password: str) -> None:
    userinfo = redis_url(NETWORK.redis_host, password).removeprefix("redis://:").rpartition("@")[0]
    assert userinfo.isascii()
    assert not set(userinfo) & set("/@:?#[]=&+ ")
