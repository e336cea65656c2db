"""The command `gx`: what Pulumi itself does not do."""

import contextlib
import errno
import os
import signal
import sys
import traceback
from typing import NoReturn

import typer

from common.errors import SIGNALS, ClusterError, InputError, Interrupted, changes
from common.known_secrets import guard_errors
from gx.cli.exit_codes import BAD_INPUT
from gx.cli.lazy import Entry, group_of
from gx.plan.record import RecorderCrashError
from settings.pages import explained

COMMANDS = {
    "preview": Entry("gx.preview.command:preview", "everything that a network would get; offline"),
    "check": Entry("gx.check.command:check", "every check over the networks, or over a live one"),
    "diff": Entry("gx.diff.command:diff", "what a change does to the networks; offline"),
    "reach": Entry("gx.reachability.command:reach", "who reaches whom on which port, by which policy"),
    "verify": Entry("gx.verify.command:verify", "proof that a network works, after a deployment"),
    "promote": Entry("gx.promotion.command:promote", "a verified set of versions goes to the next network"),
    "pin": Entry("gx.promotion.pin_command:pin", "the digests that run, into the release file"),
    "adopt": Entry("gx.adoption.command:adopt", "takes over a network that was made by hand"),
    "prune": Entry("gx.adoption.prune_command:prune", "removes what only the live objects have"),
    "backups": Entry("gx.backups.command:backups", "the snapshots of a network: age, size, last drill"),
    "restore": Entry("gx.backups.command:restore", "brings a snapshot back and proves it there"),
    "rotate": Entry("gx.rotation.command:rotate", "a new value of a secret: what restarts, then the key"),
    "dns": Entry("gx.edge.command:dns", "the zone beside what the network wants"),
    "remove-test-users": Entry(
        "gx.test_users.command:remove_test_users", "removes the test users that the program added"
    ),
    "schema": Entry("gx.schema.command:schema", "the editor's schema of the stack files"),
    "local": Entry("devcluster.commands:local", "a network on this machine, with --pods for real"),
    "edge": Entry("gx.edge.command:edge", "the way in: cut-over, Cloudflare's ranges, controller"),
}
"""In the order in which a user meets them."""

app = typer.Typer(
    cls=group_of(COMMANDS),
    help="Preview and check the GX Coin platform, run a network on this machine, adopt one that was made by hand.",
    epilog="Begin with `gx preview devnet`: it contacts nothing and changes nothing. `gx local up devnet` then runs it "
    "on this machine (`make tools` once before). docs/tutorial.md takes you through; `gx COMMAND --help` says more.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Hold the commands together."""


def _interrupt(number: int, _frame: object) -> None:
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)  # the way back is short: a second Ctrl-C must not cut it off
    raise Interrupted(number)


def _run() -> None:
    try:
        app()
    finally:
        sys.stdout.flush()  # at the interpreter's end nobody could say that it failed


def main() -> None:
    """Run the command; a user's mistake becomes one line and exit code 2."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _interrupt)
    guard_errors()
    try:
        _run()
    except InputError as error:
        sys.stderr.write(f"{explained(error)}\n")
        sys.exit(BAD_INPUT)
    except ClusterError as error:
        line = InputError(file="the cluster", consequence=str(error), fix="correct the connection or the rights")
        sys.stderr.write(f"{line}\n")
        sys.exit(BAD_INPUT)
    except RecorderCrashError as error:
        sys.stderr.write(
            f"{error}\ngx: the program failed; this is a defect of gx-infra, please report it with the lines above\n"
        )
        sys.exit(1)
    except Interrupted as interrupted:
        with contextlib.suppress(OSError):  # the terminal may be closed
            sys.stderr.write(f"interrupted; {interrupted.state or changes()}\n")
            sys.stderr.flush()
        sys.exit(interrupted.code)
    except OSError as error:
        _output_failed(error)
    except Exception:  # noqa: BLE001
        _crashed()


def _output_failed(error: OSError) -> NoReturn:
    """Say that standard output is full; whoever closed a pipe has read enough."""
    if error.filename is not None or error.errno not in {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EDQUOT}:
        _crashed()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter writes what is left once more at its end
    if error.errno == errno.EPIPE:
        sys.exit(1)
    line = InputError(
        file="standard output",
        consequence=f"cannot be written ({error.strerror}), so what was printed is not complete; {changes()}",
        fix="make room where it is written to, and run it again",
    )
    sys.stderr.write(f"{line}\n")
    sys.exit(BAD_INPUT)


def _crashed() -> NoReturn:
    """Write the traceback as one text: Python itself writes it in parts, and a secret could stand in two."""
    sys.stderr.write(traceback.format_exc())
    sys.exit(1)
