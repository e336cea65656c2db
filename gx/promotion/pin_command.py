"""`gx pin`: the digests that run, written beside the tags of a release file."""

from typing import Annotated, Any

import typer

from common.errors import InputError
from gx.adoption.as_found import running_digests
from gx.cli.arguments import Stack
from gx.cli.output import Output
from gx.cluster.session import prepare
from gx.verify.running import running
from settings.project import one_writer, project_root, read_mapping, release_file, write_mapping
from settings.release import Release


def pin(
    stack: Stack,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Its cluster, whose pods know the digests.")
    ],
) -> None:
    """Write the digest that every pod of a workload runs beside its tag: nobody who can push to a tag changes it then.

    A digest makes another set, so this begins on the first network of the chain; the others get it by `gx promote`.
    The image's reference changes, so its pods restart once. Ends with 0, or with 2 when the input is wrong.
    """
    root, console = project_root(), Output()
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    settings, name = prepared.settings, release_file(stack)
    if settings.stack.promotion.source is not None:
        raise InputError(
            file=name,
            consequence=f"{stack} takes its set from {settings.stack.promotion.source}: digests would make another one",
            fix=f"gx pin on the first network of the chain, then gx promote up to {stack}",
        )
    problems = running(prepared.api, settings).problems(settings)
    if problems:
        raise InputError(file=prepared.api.origin, consequence=problems[0], fix=f"pulumi up -s {stack}, then try again")
    found = running_digests(prepared.api.list_objects("v1", "Pod", settings.network.namespace))
    with one_writer(root):
        document = read_mapping(name, root=root, fix="restore it from git")
        pinned = _pin(name, stack, document["workloads"], found)
        if not pinned:
            console.print(f"{stack}: every image that runs has its digest")
            return
        if "promoted" in document:
            document["promoted"]["hash"] = Release.model_validate(document).hash
        head = f"# Bill of materials of {stack}. Tags are verbatim, digests those that ran.\n"
        write_mapping(name, head, document, root=root)
    for line in pinned:
        console.print(line)
    console.print(f"wrote {name}; commit it, then: pulumi up -s {stack}, gx verify {stack}")


def _pin(file: str, stack: str, workloads: dict[str, Any], found: dict[str, set[str]]) -> list[str]:
    lines: list[str] = []
    for name, image in workloads.items():
        digests = sorted(found.get(name, set()) - {""})
        if not digests:
            continue
        own = image.get("digests", {}).get(stack) or image.get("digest")
        if len(digests) > 1:
            both = " and ".join(digest[:19] for digest in digests)
            raise _moved(file, name, image, f"its pods run {both}: the tag was moved between two starts")
        if own == digests[0]:
            continue
        if own:
            text = f"runs as {digests[0][:19]}, the file says {own[:19]}: the tag was moved"
            raise _moved(file, name, image, text)
        if image.get("revision"):
            image.setdefault("digests", {})[stack] = digests[0]
        else:
            image["digest"] = digests[0]
        lines.append(f"{name}:{image['tag']} is {digests[0]}")
    return lines


def _moved(file: str, name: str, image: dict[str, Any], consequence: str) -> InputError:
    key, fix = f"workloads.{name}.tag", "push the right bits under a new tag"
    return InputError(file=file, key=key, value=repr(image["tag"]), consequence=consequence, fix=fix)
