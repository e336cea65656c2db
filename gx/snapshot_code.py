"""The package `gx.snapshots` as the backup's pods mount it: texts for a ConfigMap, and where each file belongs."""

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent / "snapshots"
CODE_FOLDER = "/scripts"


@cache
def _modules() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.glob("*.py")))


def code() -> dict[str, str]:
    """Return the text of every module by its file name, and of the package above under the name `gx.py`."""
    above = (PACKAGE.parent / "__init__.py").read_text(encoding="utf-8")
    return {"gx.py": above, **{path.name: path.read_text(encoding="utf-8") for path in _modules()}}


def mounted_files() -> dict[str, str]:
    """Return the path below CODE_FOLDER of every text: there the package has its own name."""
    return {"gx.py": "gx/__init__.py", **{path.name: f"gx/snapshots/{path.name}" for path in _modules()}}
