"""Runs the program once, in this interpreter, and writes what it registers: the child process of `gx.plan.record`.

Pulumi's own mock monitor is subclassed, because only the raw requests show options (protect, retain, import, aliases).
Nothing is contacted and nothing is decrypted. One stack per process: modules would be shared between two.
"""

import argparse
import base64
import gc
import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pulumi
from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage] as the SDK's own test decorator does

from common.errors import InputError
from common.values import SECRET_MARK, UNKNOWN_MARK, Json
from settings.pages import explained

SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # the engine's mark of special values
RECORDED_PASSWORD = "p@ss/word+with=every?thing&#%"  # a placeholder that shows whether URLs are quoted


def to_json(value: Value) -> Json:
    """Return a protocol value as JSON; secrets and unknown values become markers."""
    which = value.WhichOneof("kind")
    if which == "struct_value":
        return struct_to_json(value.struct_value)
    if which == "list_value":
        return [to_json(entry) for entry in value.list_value.values]
    if which == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if which == "string_value":
        return {UNKNOWN_MARK: True} if value.string_value == rpc.UNKNOWN else value.string_value
    return value.bool_value if which == "bool_value" else None


def struct_to_json(struct: Struct) -> Json:
    """Return a protocol struct as JSON."""
    if SECRET_SIGNATURE in struct.fields:
        return {SECRET_MARK: to_json(struct.fields["value"])}
    return {key: to_json(entry) for key, entry in struct.fields.items()}


class Answers(mocks.Mocks):
    """What the engine would answer: inputs come back; generated and read values are placeholders."""

    def __init__(self, *, cluster_uid: str, secret_keys: Mapping[str, Sequence[str]], unknown: bool) -> None:
        self.cluster_uid = cluster_uid
        self.secret_keys = secret_keys
        self._unknown = unknown

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Return the id and the state of a resource."""
        state = dict(cast("dict[str, Any]", args.inputs))  # pyright: ignore[reportUnknownMemberType]
        identifier = args.resource_id or args.name
        if args.typ == "random:index/randomPassword:RandomPassword":
            length = int(state["length"])
            text = (hashlib.sha256(args.name.encode()).hexdigest() * 4)[:length]
            state["result"] = rpc.UNKNOWN if self._unknown else text
        elif args.typ == "kubernetes:core/v1:Namespace" and args.resource_id:
            state["metadata"] = {"name": args.resource_id, "uid": self.cluster_uid}
        elif args.typ == "kubernetes:core/v1:Secret" and args.resource_id:
            encoded = base64.b64encode(RECORDED_PASSWORD.encode()).decode()
            state["data"] = dict.fromkeys(self.secret_keys.get(args.resource_id, ()), encoded)
        return identifier, state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer a provider function: the program calls none."""
        raise NotImplementedError(f"the program called {args.token}; a Plan cannot know the answer")


class PlanRecorder(mocks.MockMonitor):
    """Keeps every request as the engine would get it."""

    def __init__(self, answers: Answers, progress: Callable[[int], None]) -> None:
        super().__init__(answers)
        self.entries: list[dict[str, Any]] = []
        self._progress = progress

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the urn that the engine would give: with the types of all parents, without the stack's."""
        parents = parent.split("::")[2] if parent else ""
        qualified = type_ if parents in {"", "pulumi:pulumi:Stack"} else f"{parents}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: ANN401, N802 the protocol's
        """Record a registration."""
        response = super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType]
        if request.type != "pulumi:pulumi:Stack":
            timeouts = request.customTimeouts
            self._keep(
                request,
                response.urn,
                custom=request.custom,
                read=False,
                inputs=struct_to_json(request.object),
                options={
                    "protect": request.protect,
                    "retain_on_delete": request.retainOnDelete if request.HasField("retainOnDelete") else None,
                    "ignore_changes": list(request.ignoreChanges),
                    "aliases": [*request.aliasURNs, *(alias.urn or alias.spec.type for alias in request.aliases)],
                    "delete_before_replace": request.deleteBeforeReplace,
                    "deleted_with": request.deletedWith,
                    "import_id": request.importId,
                    "additional_secret_outputs": list(request.additionalSecretOutputs),
                    "timeouts": {
                        name: getattr(timeouts, name)
                        for name in ("create", "update", "delete")
                        if getattr(timeouts, name)
                    },
                },
            )
        return response

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: ANN401, N802 the protocol's
        """Record a read of something that exists outside."""
        response = super().ReadResource(request)  # pyright: ignore[reportUnknownMemberType]
        self._keep(
            request,
            response.urn,
            custom=True,
            read=True,
            inputs={"id": request.id},
            options={"retain_on_delete": None, "import_id": ""},
        )
        return response

    def _keep(self, request: Any, urn: str, **entry: Any) -> None:  # noqa: ANN401 the protocol's
        parent = "" if "::pulumi:pulumi:Stack::" in request.parent else request.parent
        entry["options"].update(
            depends_on=sorted(request.dependencies), provider=request.provider, version=request.version
        )
        self.entries.append({"urn": urn, "type": request.type, "name": request.name, "parent": parent, **entry})
        self._progress(len(self.entries))


def run(
    stack: str,
    root: Path,
    *,
    preview: bool,
    unknown: bool,
    progress: Callable[[int], None],
    local: bool = False,
    whole: bool = False,
) -> dict[str, Any]:
    """Run the program for a stack and return the record.

    Raises:
        InputError: Settings or program refuse the input.
    """
    started = time.perf_counter()
    # This process lives for a second or two: looking for garbage again and again costs time that grows with the Plan.
    gc.disable()
    from catalogue.managed_components import ManagedComponent  # noqa: PLC0415
    from program import build  # noqa: PLC0415
    from settings.adoption import Adoption  # noqa: PLC0415
    from settings.load import load_settings  # noqa: PLC0415
    from settings.policy_context import context_of  # noqa: PLC0415 the program is imported inside the measured time
    from settings.project import PROJECT  # noqa: PLC0415
    from settings.stackfile import read_stack  # noqa: PLC0415

    config = read_stack(stack, root, local=local)
    if whole:
        config.values[f"{PROJECT}:managedComponents"] = json.dumps([component.value for component in ManagedComponent])
    answers = Answers(cluster_uid="", secret_keys={}, unknown=unknown)
    recorder = PlanRecorder(answers, progress)
    mocks.set_mocks(answers, project="gx-infra", stack=stack, preview=preview, monitor=recorder)
    pulumi.runtime.set_all_config(config.values, list(config.secrets))
    settings = load_settings(root, adopting=not whole)
    if whole:  # as its objects are once all of them were taken over
        taken = Adoption(cluster_uid=settings.stack.cluster_uid, managed_components=tuple(ManagedComponent), imports={})
        settings = replace(settings, adoption=taken)
    context = context_of(settings, config.notes, config.warnings)
    answers.cluster_uid = settings.stack.cluster_uid
    answers.secret_keys = {
        f"{external.namespace}/{external.name}": external.keys
        for external in context.externals
        if external.kind == "Secret"
    }
    outputs: dict[str, Any] = {}

    def program() -> None:
        outputs.update(build(settings))

    building = time.perf_counter()
    _sync_await(run_pulumi_func(program))
    ended = time.perf_counter()
    return {
        "resources": recorder.entries,
        "outputs": outputs,
        "seconds": ended - started,
        "build_seconds": ended - building,
        **context.to_record(),
    }


def main() -> int:
    """Write progress, then the record or an error, as one JSON object a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stack")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--up", action="store_true", help="as in `up`: outputs of new resources are known")
    parser.add_argument("--unknown", action="store_true", help="generated values are unknown, as in a first preview")
    parser.add_argument("--local", action="store_true", help="with what differs on one machine")
    parser.add_argument("--whole", action="store_true", help="with every component and without import ids")
    arguments = parser.parse_args()
    out, sys.stdout = sys.stdout, sys.stderr  # what the program prints must not mix with the record

    def send(**message: object) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    try:
        record = run(
            arguments.stack,
            arguments.root,
            preview=not arguments.up,
            unknown=arguments.unknown,
            local=arguments.local,
            whole=arguments.whole,
            progress=lambda count: send(progress=count),
        )
    except InputError as error:
        send(error=explained(error))
    except pulumi.RunError as error:
        send(error=f"{arguments.stack}: {error}")
    else:
        send(record=record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
