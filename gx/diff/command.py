"""`gx diff`: what a change would do to the networks, and how two networks differ."""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from common.errors import InputError
from common.plan import Plan
from gx.adoption.compare import read
from gx.adoption.pruning import also_removed, not_accepted
from gx.cli.output import Output
from gx.cluster.session import prepare
from gx.diff.between import Pair, between
from gx.diff.changes import updated
from gx.diff.revisions import plans, resolve
from gx.diff.view import NetworkDiff, as_markdown, network_diff, print_diff, value_line
from gx.diff.view import as_json as json_of
from gx.plan.record import record
from settings.offline import offline_settings
from settings.project import local_file, networks, project_root

BAD_INPUT, PROTECTED = 2, 3
HEAD = "HEAD"


def diff(  # noqa: PLR0917 options of a command
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BASE [HEAD] [STACK]...]", help="Two git revisions; without HEAD the files as they are."
        ),
    ] = None,
    of_networks: Annotated[
        bool, typer.Option("--networks", help="Compare two networks instead: gx diff --networks testnet mainnet.")
    ] = False,
    of_local: Annotated[
        bool, typer.Option("--local", help="Show instead what differs on one machine: gx diff --local devnet.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --networks: show what is folded, too.")] = False,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Say what these updates remove from live objects besides.")
    ] = "",
) -> None:
    """Show what a change does to every network: objects, fields, replacements, and what that can cost. Offline.

    Ends with 0, with 3 when something changes that the engine guards or goes and was not accepted, or with 2 when the
    input is wrong. A network that is refused hides no other.
    """
    root = project_root()
    if context and (of_networks or of_local):
        fix = f"gx diff HEAD mainnet --context {context}"
        raise InputError(file="gx diff", key="--context", consequence="belongs to two revisions", fix=fix)
    if of_networks:
        _between(words or [], root, as_json=as_json, everything=everything)
        return
    if of_local:
        base, shown, found = "the stack file", "this machine", _on_one_machine(root, words or [])
    else:
        base, head, stacks = _split(words or [HEAD], root)
        if context and len(stacks) != 1:
            fix = f"gx diff {base} mainnet --context {context}"
            raise InputError(file="gx diff", key="--context", consequence="belongs to one network", fix=fix)
        found = _differences(root, base, head, stacks)
        shown = head or "the working tree"
    if as_json or markdown:
        text = json_of(base, shown, found) if as_json else as_markdown(f"{base} → {shown}", found)
        sys.stdout.write(text)
    else:
        print_diff(Output(soft_wrap=False), found)
    # With --local nothing of it happens to the network itself.
    guarded = [
        f"{network.network}: {change.location}" for network in found for change in network.protected if not of_local
    ]
    if guarded:
        sys.stderr.write(f"{len(guarded)} protected: {', '.join(guarded)}\n")
    lost = _removed(found[0], context) if context else []
    refused = [line for network in found for line in network.refused]
    sys.stderr.writelines(f"{line}\n" for line in refused)
    if refused or guarded or lost:
        raise typer.Exit(BAD_INPUT if refused else PROTECTED)


def _removed(network: NetworkDiff, context: str) -> list[str]:
    """Say what the updates remove from live objects besides; return the losses that nobody has accepted, by name."""
    prepared = prepare(network.network, context, need_zone=False)
    pruned = list(also_removed(updated(network.changes), read(prepared)))
    for one in pruned:
        sys.stderr.write(f"{one.location}: this update also removes {one.field}, which only the live object has\n")
    lost = not_accepted(pruned, prepared.accepted)
    if lost:
        fix = f"gx adopt {network.network} --context {context} --write, with --accept NAME for each, or plan them"
        sys.stderr.write(f"{len(lost)} to accept by name: {', '.join(lost)}; fix: {fix}\n")
    return lost


def _split(words: list[str], root: Path) -> tuple[str, str, list[str]]:
    """Return base, head and networks: a word that names a network is one, and never a revision."""
    known = set(networks(root))
    revisions = [word for word in words if word not in known]
    if len(revisions) > 2:  # noqa: PLR2004 base and head
        raise InputError(
            file="gx diff",
            key=revisions[2],
            consequence="is a third revision, and no network",
            fix=f"name at most two revisions and any of {', '.join(sorted(known))}",
        )
    base, head = (*revisions, "", "")[:2]
    return base or HEAD, head, [word for word in words if word in known]


def _differences(root: Path, base: str, head: str, stacks: list[str]) -> "list[NetworkDiff]":
    status = Output(stderr=True, soft_wrap=False)
    old, new = resolve(root, base), resolve(root, head)
    recorded = plans(root, [old, new], stacks, lambda text: status.print(text, style="dim"))
    known = dict.fromkeys(stack for _, stack in recorded)
    return [network_diff(network, recorded[old, network], recorded[new, network]) for network in known]


def _on_one_machine(root: Path, words: list[str]) -> "list[NetworkDiff]":
    """Return what `gx local up --pods` makes different, by network: those named, or every one that has the file."""
    names = words or [name for name in networks(root) if (root / local_file(name)).exists()]

    def recorded(name: str, *, local: bool) -> Plan | InputError:
        try:
            return record(name, root=root, local=local)
        except InputError as refusal:
            return refusal

    return [network_diff(name, recorded(name, local=False), recorded(name, local=True)) for name in names]


def _between(words: list[str], root: Path, *, as_json: bool, everything: bool) -> None:

    if len(words) != 2:  # noqa: PLR2004 a pair
        fix = "gx diff --networks testnet mainnet"
        raise InputError(file="gx diff", key="--networks", consequence="compares exactly two networks", fix=fix)
    settings = {name: offline_settings(name, root, adopting=False) for name in words}
    with ThreadPoolExecutor(2) as pool:
        left, right = pool.map(partial(record, root=root), words)
    pairs = between(left, right, settings)
    if as_json:
        sys.stdout.write(json.dumps([_pair(pair) for pair in pairs], indent=2, ensure_ascii=False) + "\n")
        return
    _print_pairs(words, pairs, everything=everything)


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "place": pair.location,
        "only": pair.only,
        "reason": pair.reason,
        "expected": dict(pair.expected),
        "unexpected": [{"path": d.text, "left": d.old, "right": d.new} for d in pair.unexpected],
    }


def _print_pairs(words: list[str], pairs: "list[Pair]", *, everything: bool) -> None:

    console = Output()
    folded: Counter[str] = Counter()
    unexpected = 0
    for pair in pairs:
        folded.update(pair.expected)
        if pair.reason:
            folded[pair.reason] += 1
        if pair.only and (everything or not pair.reason):
            why = f" ({pair.reason})" if pair.reason else ""
            console.print(Text(f"only {pair.only}: {pair.location}{why}", style="yellow"))
        if pair.unexpected or (everything and pair.expected):
            console.print(Text(pair.location, style="bold"))
        for difference in pair.unexpected:
            unexpected += 1
            console.print(Text(f"    {value_line(difference)}"))
        if everything:
            for reason, count in pair.expected.items():
                console.print(Text(f"    expected: {count} x {reason}", style="dim"))
    lonely = sum(bool(pair.only) and not pair.reason for pair in pairs)
    reasons = ", ".join(f"{count} {reason}" for reason, count in folded.most_common())
    console.print(
        f"{words[0]} and {words[1]}: {unexpected} unexpected fields, {lonely} unexpected objects on one side alone"
    )
    console.print(f"expected because they are two networks: {reasons or 'nothing'}")
