"""Where what was built or recorded once is kept, shared by every checkout of this user."""

import os
from pathlib import Path


def cache_root() -> Path:
    """Return the folder; nothing is lost when it goes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gx-infra"
