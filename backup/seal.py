"""Encryption of what leaves the cluster, by age: `age -d -i KEY FILE` opens it without this program."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage  # pyright: ignore[reportMissingTypeStubs]

from backup.config import RunEnvironment
from backup.snapshot import FailedError

_age: Any = pyrage  # the library has no types


@dataclass(frozen=True)
class Seal:
    """Encrypts and decrypts files; without an identity they stay as they are.

    Attributes:
        identity: The key, AGE-SECRET-KEY-...; never shown.
    """

    identity: str = ""

    @classmethod
    def read(cls, environment: RunEnvironment) -> "Seal":
        """Return the seal that the variables describe.

        Raises:
            FailedError: The identity is none.
        """
        text = environment.text("OFFSITE_AGE_IDENTITY", "").strip()
        try:
            return cls(str(_age.x25519.Identity.from_str(text)) if text else "")
        except _age.IdentityError:
            raise FailedError("the variable OFFSITE_AGE_IDENTITY is no identity of age (AGE-SECRET-KEY-1...)") from None

    def __repr__(self) -> str:
        """Return it without its key."""
        return f"Seal(closes={self.closes})"

    @property
    def closes(self) -> bool:
        """Whether it encrypts."""
        return bool(self.identity)

    def close(self, path: Path, part: Path) -> Path:
        """Return a file with what is stored of another one: itself, or `part`, which is written."""
        if not self.closes:
            return path
        _age.encrypt_file(str(path), str(part), [_age.x25519.Identity.from_str(self.identity).to_public()])
        return part

    def open(self, path: Path, opened: Path) -> Path:
        """Return a file with what another one was before it was encrypted.

        Raises:
            FailedError: It is not encrypted for this identity, or was changed since.
        """
        if not self.closes:
            return path
        try:
            _age.decrypt_file(str(path), str(opened), [_age.x25519.Identity.from_str(self.identity)])
        except _age.DecryptError as error:
            raise FailedError(f"a copy cannot be decrypted with the identity of this network: {error}") from None
        return opened
