"""`gx schema`: the editor's JSON schema of the stack files."""

from typing import Annotated

import typer

from common.errors import InputError, note_change
from settings.project import project_root
from settings.schema import SCHEMA_FILE, schema_text


def schema(
    check_only: Annotated[bool, typer.Option("--check", help="Only say whether the file is current.")] = False,
) -> None:
    """Write the editor's JSON schema of the stack files to docs/stack-file.schema.json."""
    path = project_root() / SCHEMA_FILE
    text = schema_text()
    if check_only:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            raise InputError(file=SCHEMA_FILE, consequence="does not match the settings", fix="run `gx schema`")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    note_change(SCHEMA_FILE, f"{SCHEMA_FILE} was written")
