"""Connection URLs with every part percent-encoded (production.md 15: incident 3)."""

from urllib.parse import quote

from gx.naming import DATABASE_NAME, POSTGRES_PORT, REDIS_PORT, Network


def redis_url(network: Network, password: str) -> str:
    """Return the URL of the network's own Redis, with the password safe in any form."""
    return f"redis://:{quote(password, safe='')}@{network.redis_host}:{REDIS_PORT}"


def database_url(network: Network, user: str, password: str) -> str:
    """Return the URL of the network's writable database."""
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    address = f"{network.database_host}:{POSTGRES_PORT}/{quote(DATABASE_NAME, safe='')}"
    return f"postgresql://{credentials}@{address}?schema=public"
