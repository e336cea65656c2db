"""A Kubernetes API server as plain data: the official client's connection, objects as dictionaries.

The client's typed models are not used: they rename keys and drop what they do not know, and both the engine's
provider protocol and adoption compare objects as the server wrote them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum, unique
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import kubernetes.client
import kubernetes.stream  # pyright: ignore[reportUnusedImport] used through a name without types
import urllib3.exceptions
import websocket
import yaml

from common.errors import ClusterError
from common.known_secrets import masked
from common.objects import Object, mapping
from gx.cluster.answers import are, is_object, json_object, remembered
from gx.cluster.kinds import Kind, root_of
from gx.cluster.kubeconfig import configuration_of
from rules.kubernetes_schema import misshapen

CONNECT_SECONDS, READ_SECONDS = 5, 60
_PAGE, _MOST_PAGES, _LONGEST = 500, 1000, 200
_WARNING = re.compile(r'^299 - "(.*)"$', re.DOTALL)


@unique
class Reason(StrEnum):
    """The machine-readable reasons of an API server's refusal that callers tell apart."""

    NOT_FOUND = "NotFound"
    ALREADY_EXISTS = "AlreadyExists"
    CONFLICT = "Conflict"
    FORBIDDEN = "Forbidden"
    INVALID = "Invalid"


class ApiError(ClusterError):
    """The API server refused a request.

    Attributes:
        status: The HTTP status.
        reason: The server's own word for it, see `Reason`.
        message: The server's text.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, str(self)


class UnreachableError(ClusterError):
    """No API server answered at the address of the kubeconfig, or what answered is none."""


def _proxy(namespace: str, target: str, path: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/{target}/proxy{path}"


class KubernetesApi:
    """One API server, reached by a context of a kubeconfig."""

    def __init__(self, client: Any, origin: str) -> None:  # noqa: ANN401 the generated client has no types
        self._client = client
        self._kinds: dict[str, dict[str, Kind]] = {}
        self.origin = origin

    @classmethod
    def connect(cls, kubeconfig: Path | None = None, context: str = "") -> "KubernetesApi":
        """Return the API server of a context; nothing is contacted yet.

        Args:
            kubeconfig: The file; None for the one that KUBECONFIG or the home folder names.
            context: Its context; empty for the current one.

        Raises:
            InputError: The file is missing or broken, has no such context, or its token can be no header.
        """
        file = str(kubeconfig) if kubeconfig else "kubeconfig"
        configuration = configuration_of(kubeconfig, context)
        return cls(kubernetes.client.ApiClient(configuration), f"{file}{f', context {context}' if context else ''}")

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._client.configuration.host)

    def close(self) -> None:
        """End the connections that are kept open."""
        self._client.rest_client.pool_manager.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send one request and return the answer, a JSON object.

        Raises:
            ApiError: The server refused it.
            UnreachableError: Nobody answered, or with something else: a login page is no empty cluster.
        """
        return self._exchange(method, path, query, body, content_type)[0]

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: object,
        content_type: str,
    ) -> tuple[Object, list[str]]:
        """Return the answer and the server's warnings."""
        text, warnings = self._send(method, path, query, body, content_type)
        answer = json_object(text)
        if answer is None:
            raise self._no(f"JSON object for {method} {path.partition('?')[0]}")
        return answer, warnings

    def _no(self, what: str) -> UnreachableError:
        text = (
            f"{self.server} answered with something that is no {what}: it is no API server, or something is in between"
        )
        return UnreachableError(text)

    def _object(self, answer: Object, api_version: str, kind: str) -> Object:
        """Return an answer that must be an object of a kind."""
        if not is_object(answer):
            raise self._no("object of a cluster")
        remembered({**answer, "kind": kind})
        if wrong := misshapen(api_version, kind, answer):
            raise self._no(f"{kind} ({wrong})")
        return {**answer, "apiVersion": api_version, "kind": kind}

    def _object_of(self, sent: Object, answer: Object) -> Object:
        """Return an answer that must be of the kind of what was sent."""
        return self._object(answer, sent["apiVersion"], sent["kind"])

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: object,
        content_type: str,
    ) -> tuple[bytes, list[str]]:
        headers = {"Accept": "application/json, */*", "Content-Type": content_type}
        parameters = list((query or {}).items())
        serialized = self._client.param_serialize(
            method, path, query_params=parameters, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        try:
            response = self._client.call_api(*serialized, _request_timeout=(CONNECT_SECONDS, READ_SECONDS))
            text: bytes = response.read()
            warnings = [str(text) for text in response.headers.getlist("Warning")]
        except kubernetes.client.ApiException as error:
            raise UnreachableError(f"{self.server} cannot be reached ({_cause(error)})") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{self.server} cannot be reached ({_cause(error)})") from None
        if response.status >= 300:  # noqa: PLR2004 HTTP's own border; whoever leads elsewhere is no API server
            # A page is cut to a line's worth, and not before a secret was found in it.
            page = masked(text.decode(errors="replace").strip())[:_LONGEST]
            answer = json_object(text) or ({"message": page} if page else {})
            raise _refusal(response.status, answer)
        return text, warnings

    def kind(self, api_version: str, kind: str) -> Kind:
        """Return how the server serves a kind.

        Raises:
            ApiError: The server does not serve it.
        """
        try:
            return self.kinds(api_version)[kind]
        except KeyError:
            raise ApiError(404, Reason.NOT_FOUND, f"the server serves no {kind} of {api_version}") from None

    def kinds(self, api_version: str) -> Mapping[str, Kind]:
        """Return how the server serves the kinds of a version of a group; errors are those of `kind`."""
        if api_version not in self._kinds:
            try:
                listed = self.request("GET", root_of(api_version)).get("resources")
            except ApiError as error:
                if error.status == 404 and not error.reason:  # noqa: PLR2004 a group that is not served: a bare page
                    raise ApiError(404, Reason.NOT_FOUND, f"the server serves no {api_version}") from None
                raise
            if not listed or not are(listed, lambda entry: {"kind", "name", "namespaced"} <= entry.keys()):
                raise self._no(f"list of the kinds of {api_version}")
            self._kinds[api_version] = {
                str(entry["kind"]): Kind(api_version, str(entry["kind"]), str(entry["name"]), bool(entry["namespaced"]))
                for entry in cast("list[Object]", listed)
                if "/" not in str(entry["name"])
            }
        return self._kinds[api_version]

    def get(self, api_version: str, kind: str, namespace: str, name: str) -> Object | None:
        """Return an object, or None if there is none."""
        try:
            answer = self.request("GET", self.kind(api_version, kind).path(namespace, name))
            return self._object(answer, api_version, kind)
        except ApiError as error:
            if error.reason == Reason.NOT_FOUND:
                return None
            raise

    def list_objects(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> Iterator[Object]:
        """Yield the objects of a kind in a namespace, or in the whole cluster, page by page."""
        served = self.kind(api_version, kind)
        query = {"limit": str(_PAGE), **({"labelSelector": labels} if labels else {})}
        for _ in range(_MOST_PAGES):
            page = self.request("GET", served.path(namespace), query=query)
            items, following = page.get("items"), mapping(page, "metadata").get("continue") or ""
            if not are(items, is_object) or not isinstance(following, str):
                raise self._no(f"list of {served.plural}")
            for item in cast("list[Object]", items):
                yield self._object(item, api_version, kind)
            if not following:
                return
            if following == query.get("continue"):
                break
            query["continue"] = following
        raise self._no(f"list of {served.plural} with an end")

    def create(self, manifest: Object, *, manager: str = "") -> Object:
        """Create an object as it is written; what exists is refused."""
        namespace = manifest["metadata"].get("namespace", "")
        query = {"fieldManager": manager} if manager else {}
        path = self.kind(manifest["apiVersion"], manifest["kind"]).path(namespace)
        return self._object_of(manifest, self.request("POST", path, query=query, body=remembered(manifest)))

    def apply(self, manifest: Object, *, manager: str, force: bool = False, dry_run: bool = False) -> Object:
        """Apply an object server-side, or only try it: fields of the manager that are no longer named are pruned.

        Raises:
            ApiError: Among others `Reason.CONFLICT` when another manager owns a field and `force` is not set.
        """
        metadata = manifest["metadata"]
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        query |= {"force": "true"} if force else {}
        query |= {"dryRun": "All"} if dry_run else {}
        path = self.kind(manifest["apiVersion"], manifest["kind"]).path(metadata.get("namespace", ""), metadata["name"])
        body = json.dumps(remembered(manifest))
        answer = self.request("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml")
        return self._object_of(manifest, answer)

    def patch(self, target: Object, body: object, *, manager: str = "") -> Object:
        """Change fields of an existing object by a JSON merge patch."""
        query = {"fieldManager": manager} if manager else {}
        content_type = "application/merge-patch+json"
        answer = self.request("PATCH", self._path_of(target), query=query, body=body, content_type=content_type)
        return self._object_of(target, answer)

    def replace(self, manifest: Object, *, manager: str, dry_run: bool = False) -> Object:
        """Write an object as a whole over the live one of its uid and resourceVersion, or only try it.

        Raises:
            ApiError: Among others `Reason.CONFLICT` when the live object has changed since it was read.
        """
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
        answer = self.request("PUT", self._path_of(manifest), query=query, body=remembered(manifest))
        return self._object_of(manifest, answer)

    def warnings_of(self, target: Object, body: object) -> list[str]:
        """Return what the server would warn of if an object were patched so; nothing is changed."""
        query, content_type = {"dryRun": "All"}, "application/merge-patch+json"
        answer, warnings = self._exchange("PATCH", self._path_of(target), query, body, content_type)
        self._object_of(target, answer)
        return [_WARNING.sub(r"\1", text).replace('\\"', '"') for text in warnings]

    def pod_log(self, namespace: str, name: str) -> str:
        """Return what a pod has written so far.

        Raises:
            ApiError: There is no such pod, or its node does not answer.
        """
        path = self.kind("v1", "Pod").path(namespace, name)
        return self._send("GET", f"{path}/log", None, None, "application/json")[0].decode(errors="replace")

    def run_in_pod(
        self, namespace: str, name: str, container: str, command: list[str], *, stdin: str = ""
    ) -> tuple[int, str]:
        """Run a command in a container that is running; return its exit code and what it wrote.

        What it reads on standard input does not end: the input itself must make it end.

        Raises:
            ApiError: There is no such pod, or the right `pods/exec` is missing.
            UnreachableError: Nobody answered, or nobody said how the command ended: that is no success.
        """
        # The library's stream replaces the client's way of sending: it gets a client of its own.
        library: Any = kubernetes  # it has no types
        core = library.client.CoreV1Api(library.client.ApiClient(self._client.configuration))
        asked = {"container": container, "command": command, "stderr": True, "stdout": True}
        asked |= {"stdin": bool(stdin), "_preload_content": False}
        try:
            stream = library.stream.stream(core.connect_get_namespaced_pod_exec, name, namespace, **asked)
        except library.client.ApiException as error:
            raise ApiError(int(error.status or 0), "", str(error.reason)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(f"{self.server} cannot be reached ({_cause(error)})") from None
        try:
            stream.sock.settimeout(READ_SECONDS)
            if stdin:
                stream.write_stdin(stdin)
            stream.run_forever(timeout=READ_SECONDS)
            code: int | None = stream.returncode
            said = str(stream.read_all())
        except (websocket.WebSocketException, OSError) as error:
            raise UnreachableError(f"{self.server}: the look into {name} broke off ({_cause(error)})") from None
        except (
            TypeError,
            LookupError,
            ValueError,
            yaml.YAMLError,
        ):  # what the library makes of a status without a code
            raise UnreachableError(f"{self.server}: nobody said how the command in {name} ended") from None
        finally:
            stream.sock.shutdown()  # its close() leaves the socket open once the server has closed its side
        if code is None:
            raise UnreachableError(f"{self.server}: the command in {name} has not ended after {READ_SECONDS} s")
        return code, said

    def proxied(self, namespace: str, target: str, path: str) -> Object:
        """Return the JSON object that a pod or Service answers to a GET, asked by the API server.

        Args:
            namespace: Its namespace.
            target: Plural and name with port, such as `pods/prometheus-0:9090`.
            path: The path that it is asked for, with a leading slash.

        Raises:
            ApiError: It answered with another status than 2xx, or the right is missing.
            UnreachableError: Nobody answered.
        """
        return self.request("GET", _proxy(namespace, target, path))

    def delete(self, api_version: str, kind: str, namespace: str, name: str, *, propagation: str) -> bool:
        """Ask for an object to be deleted; return False if there was none."""
        path = self.kind(api_version, kind).path(namespace, name)
        try:
            self.request("DELETE", path, body={"propagationPolicy": propagation})
        except ApiError as error:
            if error.reason == Reason.NOT_FOUND:
                return False
            raise
        return True

    def uid(self) -> str:
        """Return the uid of kube-system, by which a cluster is known."""
        answer = self.request("GET", "/api/v1/namespaces/kube-system")
        uid = self._object(answer, "v1", "Namespace")["metadata"].get("uid")
        if not uid:
            raise self._no("namespace with a uid")
        return str(uid)

    def _path_of(self, target: Object) -> str:
        metadata = target["metadata"]
        kind = self.kind(target["apiVersion"], target["kind"])
        return kind.path(metadata.get("namespace", ""), metadata["name"])


def _cause(error: BaseException) -> str:
    """Return the innermost reason of a connection error, without addresses of Python objects."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return _cause(reason)
    return str(error).split(": ", 1)[-1].strip("'\" ")


def _refusal(status: int, answer: Object) -> ApiError:
    return ApiError(status, str(answer.get("reason", "")), str(answer.get("message", f"HTTP {status}")))
