"""PostgreSQL's form of a password that no statement, log or backup gives away (RFC 5802, SCRAM-SHA-256)."""

import base64
import hashlib
import hmac

ITERATIONS = 4096  # PostgreSQL's own number


def scram_verifier(password: str, salt: str) -> str:
    """Return what PostgreSQL stores of a password: with it a log-in is checked, from it none is made.

    Args:
        password: The password; letters and digits, so that no normalisation changes it.
        salt: Any text that belongs to this password alone.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = (salt.encode(), hashlib.sha256(client_key).digest(), server_key)
    encoded_salt, stored, server = (base64.b64encode(part).decode() for part in parts)
    return f"SCRAM-SHA-256${ITERATIONS}:{encoded_salt}${stored}:{server}"
