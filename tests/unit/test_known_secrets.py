"""A secret that was read is in nothing that is shown, however a library writes it."""

import base64
import html
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import known_secrets
from common.errors import InputError, shown
from common.known_secrets import MASK, masked, remember, remember_object
from gx.cluster.kubernetes_api import ApiError, UnreachableError
from settings.project import ROOT

SECRET = """pä55 "w/or+d'\\&\n=€%"""


def base64_forms(secret: str) -> Iterator[str]:
    for user in ("", "a:", "ab:", "abc:", "user-name:"):
        for after in ("", "x", "more"):
            raw = f"{user}{secret}{after}".encode()
            yield base64.b64encode(raw).decode()
            yield base64.urlsafe_b64encode(raw).decode()
            yield quote(base64.b64encode(raw).decode(), safe="")


def forms(secret: str) -> dict[str, str]:
    once = repr(secret)[1:-1]
    return {
        "plain": secret,
        "repr": once,
        "repr of repr": repr(once)[1:-1],
        "ascii": ascii(secret)[1:-1],
        "bytes": repr(secret.encode())[2:-1],
        "JSON": json.dumps(secret)[1:-1],
        "JSON with letters": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(secret))[3:-3],
        "percent": quote(secret, safe=""),
        "percent but slashes": quote(secret),
        "percent in small letters": quote(secret, safe="").lower() if secret.islower() else quote(secret, safe=""),
        "form": quote_plus(secret),
        "HTML": html.escape(secret),
        "on one line": " ".join(secret.split()),
    }


@pytest.mark.parametrize("form", forms(SECRET))
def test_every_form_of_a_secret_is_masked(form: str) -> None:
    text = forms(SECRET)[form]
    assert masked(f"before {text} after") == f"before {text} after"
    remember(SECRET)
    assert masked(f"before {text} after") == f"before {MASK} after"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=6, max_size=40))
def test_no_form_of_any_secret_is_shown(secret: str) -> None:
    known_secrets._known.clear()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] each example begins with nothing
    remember(secret)
    for name, text in forms(secret).items():
        assert masked(f"<{text}>") == f"<{MASK}>", name


def test_base64_is_masked_wherever_the_secret_stands_in_it() -> None:
    secret = "hunter2/is+not=long"
    before = list(base64_forms(secret))
    remember(secret)
    for text in before:
        shown = masked(f"Basic {text}")
        assert MASK in shown
        left = shown.removeprefix("Basic ").replace(MASK, "")
        assert len(left) <= len(text) - len(base64.b64encode(secret.encode())) + 12, shown


def test_lines_and_passwords_of_what_was_read_are_secret_too() -> None:
    remember("first-line\nsecond-line", "redis://:p%40ssword@redis:6379")
    assert masked("x second-line y p@ssword z p%40ssword first-line") == f"x {MASK} y {MASK} z {MASK} {MASK}"


def test_a_secret_in_a_longer_one_does_not_uncover_it() -> None:
    remember("abcdef", "abcdef-ghijkl")
    assert masked("abcdef-ghijkl abcdef") == f"{MASK} {MASK}"


def test_a_value_is_masked_before_it_is_cut() -> None:
    remember("s" * 50)
    assert shown("x" * 60 + "s" * 50).count("s") == MASK.count("s")


def test_what_is_too_short_or_too_long_hides_nothing() -> None:
    remember("a", "", None, "token", "y" * 5000)
    assert masked("a token of " + "y" * 5000) == "a token of " + "y" * 5000


def test_values_of_a_secret_are_known_but_not_what_names_things() -> None:
    data = {"password": "hunter2hunter2", "AWS_ACCESS_KEY_ID": "gx-backup-1", "tls.crt": "certificate"}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    remember_object(
        {"kind": "Secret", "data": {**encoded, "broken-key": "no-base64!"}, "stringData": {"k": "another1"}}
    )
    assert masked("hunter2hunter2 gx-backup-1 certificate no-base64! another1") == (
        f"{MASK} gx-backup-1 certificate {MASK} {MASK}"
    )


def test_our_errors_never_hold_a_secret() -> None:
    remember("two  blanks\tand more")
    text = "server said: two  blanks\tand more"
    errors = [
        InputError(file=text, key=text, value=text, consequence=text, fix=text),
        UnreachableError(text),
        ApiError(403, "Forbidden", text),
    ]
    for error in errors:
        assert "blanks" not in str(error)
        assert MASK in str(error)
    assert isinstance(errors[2], ApiError)
    assert "blanks" not in errors[2].message


MAIN = """
import logging, sys, threading
from gx.cli import main as cli
from common.known_secrets import remember
SECRET = "".join(["top", "-secret", "\\n", "of two lines"])
remember(SECRET)
{work}
cli.app = work
cli.main()
"""


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("def work():\n    raise RuntimeError(SECRET)", 1),
        (
            "def work():\n    try:\n        {}[SECRET]\n    except KeyError as key:\n        raise OSError from key",
            1,
        ),
        ("def work():\n    raise ExceptionGroup(SECRET, [OSError(5, SECRET, SECRET)])", 1),
        ("def work():\n    raise cli.InputError(file='f', consequence=SECRET, fix='x')", 2),
        ("def work():\n    raise cli.ClusterError(SECRET)", 2),
        ("def work():\n    raise cli.RecorderCrashError(SECRET)", 1),
        ("def work():\n    logging.error(SECRET)", 0),
        ("def work():\n    thread = threading.Thread(target={}.__getitem__, args=[SECRET])\n    thread.start()", 0),
        ("def work():\n    sys.stderr.write(SECRET)", 0),
    ],
)
def test_nothing_reaches_standard_error_unmasked(tmp_path: Path, work: str, code: int) -> None:
    script = tmp_path / "script.py"
    script.write_text(MAIN.format(work=work))
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    assert "top-secret" not in done.stderr
    assert "of two lines" not in done.stderr
    assert MASK in done.stderr
