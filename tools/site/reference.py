"""The reference of the Python code: one page per package, from its docstrings."""

import ast
from functools import cache
from pathlib import Path

from settings.project import ROOT

INTRODUCED = ("backup", "catalogue", "common", "components", "gx", "rules", "settings")
PROGRAM = "program"


@cache
def packages() -> tuple[str, ...]:
    """Return the packages that a reader may want to look up, in the order of their names."""
    found = {path.parent.relative_to(ROOT).as_posix().replace("/", ".") for top in INTRODUCED for path in _modules(top)}
    return (PROGRAM, *sorted(found))


def _modules(folder: str) -> list[Path]:
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts]


def python_page(package: str) -> str:
    """Return the page of a package: what it is for, then every module of it that has something public."""
    if package == PROGRAM:
        return f"# {PROGRAM}\n\n::: {PROGRAM}\n"
    folder = ROOT / package.replace(".", "/")
    summary = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    modules = [path.stem for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    blocks = "\n".join(f"::: {package}.{name}" for name in modules)
    return f"# {package}\n\n{summary}\n\n{blocks}\n"
