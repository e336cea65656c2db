"""Pulumi's provider protocol, as far as the engine speaks it with the emulators: one method per question.

A plugin gets plain Python values: whole numbers as int, unknown values as `UNKNOWN`, secrets opened. It marks what is
secret in its answers with `Secret`.
"""

import abc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

Values = dict[str, Any]
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_WORKERS = 16
_MESSAGE_BYTES = 400 * 1024 * 1024


class UnknownInput:
    """A value that only a later step of the run will know."""


UNKNOWN = UnknownInput()


@dataclass(frozen=True)
class ProtocolSecret:
    """A value that the engine must encrypt in its state."""

    value: Any


class ProviderRefusalError(Exception):
    """The operation failed; the text is what a user sees."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The resource that the engine asks about.

    Attributes:
        token: Its type token.
        name: Its logical name.
        identifier: Its id; empty before it is created.
        old_inputs: What the program passed last time.
        old_state: What the plugin answered last time.
        inputs: What the program passes now.
        preview: Whether nothing may be changed.
    """

    token: str
    name: str
    identifier: str = ""
    old_inputs: Values = field(default_factory=dict[str, Any])
    old_state: Values = field(default_factory=dict[str, Any])
    inputs: Values = field(default_factory=dict[str, Any])
    preview: bool = False


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What differs: paths by kind ("add", "update", "delete"), and which of them need a new object."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a read has found."""

    identifier: str
    properties: Values
    inputs: Values


class Plugin(abc.ABC):
    """One provider."""

    VERSION: str

    @abc.abstractmethod
    def configure(self, config: Values) -> None:
        """Take the provider's configuration."""

    @abc.abstractmethod
    def check(self, target: Target) -> Values:
        """Return the inputs with defaults."""

    @abc.abstractmethod
    def diff(self, target: Target) -> Changes:
        """Compare old and new inputs."""

    @abc.abstractmethod
    def create(self, target: Target) -> tuple[str, Values]:
        """Create; return id and properties."""

    @abc.abstractmethod
    def read(self, target: Target) -> Found | None:
        """Read what exists."""

    @abc.abstractmethod
    def update(self, target: Target) -> Values:
        """Change; return the properties."""

    @abc.abstractmethod
    def delete(self, target: Target) -> None:
        """Delete; what is gone already is deleted."""


def decode(struct: struct_pb2.Struct) -> Values:
    """Return plain values of the engine's message."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:  # noqa: ANN401 any JSON
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        if value.struct_value.fields.get(_SIGNATURE, struct_pb2.Value()).string_value == _SECRET:
            return _decode(value.struct_value.fields["value"])
        return decode(value.struct_value)
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if kind == "string_value":
        return UNKNOWN if value.string_value == _UNKNOWN else value.string_value
    return value.bool_value if kind == "bool_value" else None


def encode(values: Values) -> struct_pb2.Struct:
    """Return the engine's message of plain values."""
    return struct_pb2.Struct(fields={key: _encode(value) for key, value in values.items()})


def _encode(value: Any) -> struct_pb2.Value:  # noqa: ANN401 any JSON
    if isinstance(value, ProtocolSecret):
        value = {_SIGNATURE: _SECRET, "value": value.value}
    elif isinstance(value, UnknownInput):
        value = _UNKNOWN
    if isinstance(value, dict):
        return struct_pb2.Value(struct_value=encode(cast("Values", value)))
    if isinstance(value, list | tuple):
        items = [_encode(item) for item in cast("list[Any]", value)]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    return _scalar(value)


def _scalar(value: Any) -> struct_pb2.Value:  # noqa: ANN401 any JSON
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    return (
        struct_pb2.Value(number_value=value)
        if isinstance(value, int | float)
        else struct_pb2.Value(string_value=str(value))
    )


def _target(request: Any, **structs: struct_pb2.Struct) -> Target:  # noqa: ANN401 one of six messages
    """Return what a request is about; fields that its message lacks stay at their defaults."""
    return Target(
        token=request.type,
        name=request.name,
        identifier=getattr(request, "id", ""),
        preview=getattr(request, "preview", False),
        **{name: decode(struct) for name, struct in structs.items()},
    )


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """The protocol's methods, each translated for a `Plugin`."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    def _guard(self, context: grpc.ServicerContext, work: Callable[[], Any]) -> Any:  # noqa: ANN401 a message
        try:
            return work()
        except ProviderRefusalError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002 messages
        """Say what the plugin understands: not secrets, so the engine opens them and marks the answers itself."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002
        """Return the version of the provider that this one stands in for."""
        return plugin_pb2.PluginInfo(version=self.plugin.VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002
        """Accept the configuration; Configure refuses what is wrong."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002
        """Compare two configurations."""
        some = decode(request.old_inputs) != decode(request.news)
        changes = provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Configure the plugin; texts of objects and flags are opened."""
        config: Values = {}
        for key, value in decode(request.args).items():
            try:
                config[key] = json.loads(value) if isinstance(value, str) else value
            except ValueError:
                config[key] = value
        self._guard(context, lambda: self.plugin.configure(config))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Fill in defaults."""
        target = _target(request, old_inputs=request.olds, inputs=request.news)
        return provider_pb2.CheckResponse(inputs=encode(self._guard(context, lambda: self.plugin.check(target))))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Compare."""
        target = _target(request, old_state=request.olds, old_inputs=request.old_inputs, inputs=request.news)
        changes: Changes = self._guard(context, lambda: self.plugin.diff(target))
        kinds = provider_pb2.PropertyDiff.Kind
        detailed: dict[str, provider_pb2.PropertyDiff] = {}
        for path, change in changes.fields.items():
            kind = change.upper() + ("_REPLACE" if path in changes.replaces else "")
            detailed[path] = provider_pb2.PropertyDiff(kind=kinds.Value(kind))
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
            replaces=sorted({path.split(".")[0].split("[")[0] for path in changes.replaces}),
            diffs=sorted({path.split(".")[0].split("[")[0] for path in detailed}),
            detailedDiff=detailed,
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Create."""
        target = _target(request, inputs=request.properties)
        identifier, properties = self._guard(context, lambda: self.plugin.create(target))
        return provider_pb2.CreateResponse(id=identifier, properties=encode(properties))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Read, for a refresh, an import or a lookup."""
        target = _target(request, old_state=request.properties, old_inputs=request.inputs)
        found: Found | None = self._guard(context, lambda: self.plugin.read(target))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.identifier, properties=encode(found.properties), inputs=encode(found.inputs)
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Change."""
        target = _target(request, old_state=request.olds, old_inputs=request.old_inputs, inputs=request.news)
        return provider_pb2.UpdateResponse(properties=encode(self._guard(context, lambda: self.plugin.update(target))))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: ANN401
        """Delete."""
        target = _target(request, old_state=request.properties, old_inputs=request.old_inputs)
        self._guard(context, lambda: self.plugin.delete(target))
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ANN401, ARG002
        """Do nothing: no call takes long."""
        return empty_pb2.Empty()


_LOOK_SECONDS = 2


def serve(plugin: Plugin) -> None:
    """Serve a plugin as the engine expects it: print the port, answer until the process is ended."""
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    server = grpc.server(futures.ThreadPoolExecutor(_WORKERS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(plugin), server)  # pyright: ignore[reportUnknownMemberType]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended = threading.Event()
    # The engine interrupts its plugins when it has finished with them, and waits until they are gone.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ended.set())
    # An engine that was killed interrupts nobody: its plugins notice that they have another parent now.
    engine = os.getppid()
    while not ended.wait(_LOOK_SECONDS) and os.getppid() == engine:
        pass
    server.stop(0)
