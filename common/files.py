"""Files: those that lie beside the code that needs them, and writing one atomically."""

import os
from pathlib import Path


def text_beside(module: str, name: str) -> str:
    """Return the text of a file.

    Args:
        module: `__file__` of the module beside which it lies.
        name: Its path from there.
    """
    return (Path(module).parent / name).read_text(encoding="utf-8")


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old text or the new one; an interrupted write leaves the old one.

    Raises:
        OSError: It cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
