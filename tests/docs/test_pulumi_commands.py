"""Every `pulumi` command of the documents is one that the pinned CLI has, with the flags that it is given."""

import functools
import os
import re
import subprocess

import pytest

from common.errors import InputError
from devcluster.binaries import find
from tests.conftest import unavailable
from tests.helpers.documents import PAGES, code, words


@functools.cache
def helped(*command: str) -> str:
    """Return what the CLI says of a command; what it says of the one above where there is no such command."""
    try:
        pulumi = find("pulumi")
    except InputError as error:
        unavailable(str(error))
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    done = subprocess.run(
        [str(pulumi), *command, "--help"], env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def refused(line: list[str]) -> str:
    """Return why the CLI would not take a line's words; empty if it would."""
    command: list[str] = []
    for word in line[1:]:
        text = helped(*command)
        if (
            not re.search(rf"^  pulumi {' '.join([*command, ''])}\[command\]", text, re.MULTILINE)
            or word.startswith("-")
            or not word.islower()
        ):
            break
        if helped(*command, word) == text:  # it does not know the word: an alias has a text of its own
            return f"no command {' '.join([*command, word])}"
        command.append(word)
    flags = {word.split("=")[0] for word in line[1:] if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}
    text = helped(*command)
    wrong = [flag for flag in sorted(flags) if not re.search(rf"(^|[\s,]){re.escape(flag)}[\s,=\[]", text)]
    return f"{' '.join(command)} has no {wrong[0]}" if wrong else ""


def lines() -> list[list[str]]:
    found: list[list[str]] = []
    for page in PAGES:
        for span in code(page.read_text()):
            found += [line for line in words(span.replace("$ ", "")) if line[0] == "pulumi" and len(line) > 1]
    return found


def test_the_cli_takes_what_the_documents_type() -> None:
    typed = lines()
    assert len(typed) > 30
    assert [(line, why) for line in typed if (why := refused(line))] == []


@pytest.mark.parametrize(
    "text",
    ["pulumi stak init x", "pulumi refresh --clear-pending", "pulumi config set --sekret x", "pulumi stack exprt"],
)
def test_a_wrong_one_is_noticed(text: str) -> None:
    assert refused(text.split())
