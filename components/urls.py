"""Connection URLs with every part percent-encoded (production.md, incident 3)."""

from urllib.parse import quote

from common.naming import DATABASE_NAME, POSTGRES_PORT, REDIS_PORT


def redis_url(host: str, password: str) -> str:
    """Return the URL of a Redis, with the password safe in any form."""
    return f"redis://:{quote(password, safe='')}@{host}:{REDIS_PORT}"


def database_url(host: str, user: str, password: str) -> str:
    """Return the URL of a network's writable database."""
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"postgresql://{credentials}@{host}:{POSTGRES_PORT}/{quote(DATABASE_NAME, safe='')}?schema=public"
