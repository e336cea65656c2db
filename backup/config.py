"""What a run is told: environment variables, each named where it is missing."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from backup.s3 import BucketLocation
from backup.snapshot import FailedError


class RunEnvironment:
    """The variables of a run."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a variable.

        Raises:
            FailedError: It is not set and has no default.
        """
        value = self._values.get(name) or default
        if value is None:
            raise FailedError(f"the variable {name} is not set")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a variable that holds a number.

        Raises:
            FailedError: It holds none.
        """
        text = self.text(name, None if default is None else str(default))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):  # every comparison with nan is false: no limit would ever be reached
            raise FailedError(f"the variable {name} = {text!r} is no number")
        return value

    def location(self, prefix: str = "") -> BucketLocation:
        """Return the bucket that the variables behind a prefix describe."""
        return BucketLocation(
            endpoint=self.text(f"{prefix}S3_ENDPOINT"),
            bucket=self.text(f"{prefix}BUCKET"),
            access_key=self.text(f"{prefix}AWS_ACCESS_KEY_ID"),
            secret_key=self.text(f"{prefix}AWS_SECRET_ACCESS_KEY"),
            prefix=self.text(f"{prefix}PREFIX", ""),
            region=self.text(f"{prefix}S3_REGION", "us-east-1"),
        )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a run gives up.

    Attributes:
        seconds: How long it may take.
        free_bytes: What must stay free on the disk that the volume shares with the node (takeover.md 10).
    """

    seconds: float
    free_bytes: int

    @classmethod
    def read(cls, environment: RunEnvironment) -> "Limits":
        """Return the limits that the variables set."""
        return cls(
            seconds=environment.number("DEADLINE_SECONDS"),
            free_bytes=int(environment.number("FREE_FLOOR_BYTES", 0)),
        )


@dataclass(frozen=True, kw_only=True)
class ShrinkRule:
    """When a bucket that has lost objects is not copied: the loss would rotate the good snapshots away.

    Attributes:
        percent: The largest share of objects, or of bytes, that may be gone or overwritten since the snapshot before.
        accepted: Stamp of the snapshot after which any loss and any time is accepted: somebody has looked.
        expiry_days: Promised lifetimes by prefix: objects past theirs are expected to be gone.
    """

    percent: float
    accepted: str = ""
    expiry_days: Mapping[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def read(cls, environment: RunEnvironment) -> "ShrinkRule":
        """Return the rule that the variables set."""
        return cls(
            percent=environment.number("MAX_SHRINK_PERCENT"),
            accepted=environment.text("ACCEPTED_SHRINK", ""),
            expiry_days=json.loads(environment.text("EXPIRY_DAYS", "{}")),
        )


def backup_root(environment: RunEnvironment) -> Path:
    """Return where the backup's volume is mounted."""
    return Path(environment.text("BACKUP_ROOT", "/backups"))
