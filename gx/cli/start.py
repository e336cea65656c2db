"""The entry of `gx`: Ctrl-C is answered before anything that takes time to load is imported."""

import sys


def main() -> None:
    """Load the command line and run it."""
    try:
        from gx.cli.main import main as command  # noqa: PLC0415 it takes a third of a second
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was changed\n")
        sys.exit(130)
    command()
