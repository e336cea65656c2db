"""Files that end up in a cluster."""

from gx.settings.project import ROOT


def asset(path: str) -> str:
    """Return the text of a file below `assets/`."""
    return (ROOT / "assets" / path).read_text(encoding="utf-8")
