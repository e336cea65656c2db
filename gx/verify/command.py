"""`gx verify`: proof that a network works, after every deployment."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from backup.s3 import BucketLocation
from catalogue.feature_gates import FeatureGate
from common.errors import InputError, note_change
from common.known_secrets import remember
from common.naming import MINIO_CREDENTIALS, MINIO_MESSAGING_USER, TEST_USERS
from gx.backups.locations import secret_pair
from gx.cli.arguments import Stack
from gx.cli.output import Output
from gx.cluster.kubernetes_api import ApiError, KubernetesApi, UnreachableError
from gx.cluster.port_forward import forwarded
from gx.cluster.refusals import explained
from gx.cluster.secret_values import text_of
from gx.cluster.session import Prepared, prepare
from gx.verify.checks import all_checks
from gx.verify.flow import UserFlow, taken_back
from gx.verify.inside import Inside
from gx.verify.model import CheckResult, Outcome
from gx.verify.outside import Outside
from gx.verify.record import (
    counted_failures,
    failed_verification,
    is_news,
    own_record,
    still_failed,
    verified_set,
    write_failed,
    write_verified,
)
from gx.verify.report import LiveReport, as_junit, counts, print_table, summary
from gx.verify.report import as_json as json_of
from gx.verify.runner import interruptible, run_checks
from gx.verify.web import Address, Web
from settings.offline import offline_settings
from settings.project import networks, project_root
from settings.settings import Settings

PASSWORD_VARIABLE = "GX_TEST_USERS_PASSWORD"
FAILED = 1
MOST = 65535


def verify(  # noqa: PLR0917 options of a command
    stack: Stack,
    context: Annotated[
        str, typer.Option("--context", metavar="NAME", help="Its cluster: looks from inside, and writes the record.")
    ] = "",
    deadline: Annotated[
        float, typer.Option("--deadline", metavar="SECONDS", min=1, max=3600, help="For all checks together.")
    ] = 60,
    connect_to: Annotated[
        list[str] | None,
        typer.Option("--connect-to", metavar="HOST:PORT:HOST:PORT", help="Connect elsewhere, as curl's option."),
    ] = None,
    cacert: Annotated[str, typer.Option("--cacert", metavar="FILE", help="Authorities to trust instead.")] = "",
    dns: Annotated[
        str,
        typer.Option(
            "--dns", metavar="ADDRESS:PORT", help="Ask this server, and expect the nodes' addresses in its answers."
        ),
    ] = "",
    minio: Annotated[
        str, typer.Option("--minio", metavar="URL", help="Where MinIO answers; else kubectl forwards a port.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report, for CI.")] = None,
    record: Annotated[
        bool, typer.Option(help="With --context: write networks/STACK/verified.yaml, be it a pass or a failure.")
    ] = True,
) -> None:
    """Prove from outside, and with --context from inside, that a network works after a deployment.

    On a network without real users two test users talk, send a file and pay; what they leave is taken back.
    Ends with 0, with 1 when a check failed or a workload was rolled out meanwhile, or with 2 when the input is wrong.
    """
    settings, prepared = _opened(stack, context)
    routes = dict(_route(text) for text in connect_to or [])
    server = _address(dns, "--dns") if dns else None
    console = Output(stderr=as_json, soft_wrap=False, width=None if sys.stdout.isatty() else 160)
    others = tuple(name for name in networks(project_root()) if name != stack)
    inside = Inside(settings=settings, api=prepared.api, others=others) if prepared else None
    began = time.monotonic()

    async def run(remove: Callable[[str], None] | None) -> "list[CheckResult]":
        async with Web(connect_to=routes, ca_file=cacert) as web:
            zone = prepared.zone.records if prepared and prepared.zone else None
            outside = Outside(settings=settings, web=web, dns_server=server, proxied=server is None, zone=zone)
            flow = _flow(outside, inside, remove)
            checks = all_checks(outside, inside, flow)

            async def cleaned() -> str:
                return await taken_back(flow) if flow is not None else ""

            with LiveReport(stack, len(checks), console) as live:
                return await interruptible(run_checks(checks, deadline, live.done), cleaned)

    with _remover(settings, inside, minio, context) as remove:
        results = asyncio.run(run(remove))
    seconds = time.monotonic() - began
    if as_json:
        sys.stdout.write(json_of(stack, results, seconds))
    else:
        print_table(console, results)
    if junit is not None:
        _write(junit, as_junit(stack, results, seconds))
    console.print(summary(stack, results, seconds))
    proven = not counts(results)[Outcome.FAILED]
    if inside is not None and prepared is not None and record:
        said, proven = _record(inside, prepared, results)
        console.print(said, soft_wrap=True)
    if not proven:
        raise typer.Exit(FAILED)


def _opened(stack: str, context: str) -> "tuple[Settings, Prepared | None]":
    if not context:
        return offline_settings(stack, project_root(), adopting=False), None
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    return prepared.settings, prepared


def _flow(outside: Outside, inside: Inside | None, remove: Callable[[str], None] | None) -> UserFlow | None:
    password = os.environ.get(PASSWORD_VARIABLE, "").rstrip("\r\n")  # as a file or the clipboard ends it
    remember(password)
    if not password and inside is not None and not inside.settings.network.production:
        password = _password(inside.api, inside.namespace)
    return UserFlow(outside=outside, password=password, remove=remove) if password else None


def _password(api: KubernetesApi, namespace: str) -> str:

    with explained(api, key=f"Secret {TEST_USERS}", fix=f"give the right, or set {PASSWORD_VARIABLE}"):
        secret = api.get("v1", "Secret", namespace, TEST_USERS)
    return text_of(secret or {}, "password")


@contextmanager
def _remover(
    settings: Settings, inside: Inside | None, endpoint: str, context: str
) -> Generator[Callable[[str], None] | None]:
    """Yield what removes a stored file, with the key pair of svc-messaging; None where MinIO cannot be reached.

    That it cannot is for the checks to find, not a reason to stop before they begin.
    """
    if settings.network.production or inside is None or not (endpoint or shutil.which("kubectl")):
        yield None
        return
    with ExitStack() as left:
        remove = None
        with suppress(InputError):
            url = endpoint or left.enter_context(forwarded(inside.namespace, context))
            remove = _removes_at(url, settings, inside)
        yield remove


def _removes_at(url: str, settings: Settings, inside: Inside) -> Callable[[str], None]:
    secret = MINIO_MESSAGING_USER if settings.has(FeatureGate.MESSAGING_S3_USER) else MINIO_CREDENTIALS
    access_key, secret_key = secret_pair(inside.api, inside.namespace, secret)
    location = BucketLocation(
        endpoint=url, bucket=settings.network.bucket, access_key=access_key, secret_key=secret_key
    )

    def remove(key: str) -> None:
        location.client(patient=False).delete_object(Bucket=location.bucket, Key=key)

    return remove


def _record(inside: Inside, prepared: Prepared, results: "list[CheckResult]") -> tuple[str, bool]:
    """Record a pass or a failure of the set that was looked at; return what to say, and whether the set has its proof.

    What says nothing about the set is not recorded: it neither proves nor withdraws anything.
    """
    settings, wanted = inside.settings, inside.settings.release.hash
    counted, failed = counted_failures(results), any(result.outcome is Outcome.FAILED for result in results)
    if failed and not counted:
        return "what failed could not be tried from here, which says nothing about the set: nothing was recorded", False
    if reason := _not_the_set(inside):
        return f"{reason}: nothing was recorded; run it again", False
    uid = prepared.read_uid()
    if not failed:
        return _record_pass(inside, uid, results)
    name = write_failed(project_root(), settings, uid, failed_verification(settings, counted))
    return f"wrote {name}: the set {wanted} failed, and is not promoted until it passes; commit the file", False


def _not_the_set(inside: Inside) -> str:
    """Return why it was not the set of the release file, from beginning to end, that was looked at; else nothing."""
    settings = inside.settings
    try:
        changed = inside.changed()
    except (ApiError, UnreachableError) as error:
        return f"the cluster does not say what runs ({error})"
    if changed:
        return f"{', '.join(changed)} changed while this was verified"
    if not inside.at_first.is_set_of(settings):
        return f"{settings.network.name} does not run its set {settings.release.hash}"
    return ""


def _record_pass(inside: Inside, uid: str, results: "list[CheckResult]") -> tuple[str, bool]:
    settings, root = inside.settings, project_root()
    before = own_record(root, settings, uid)
    if untried := still_failed(before.failure(settings.release.hash), results):
        return f"not tried, and failed before: {', '.join(untried)}: nothing was recorded", False
    skipped = [result.name for result in results if result.outcome is Outcome.SKIPPED]
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    newest = verified_set(settings, inside.at_first.since, passed, skipped)
    if not is_news(before, newest):
        return f"the set {newest.hash} has its proof already: nothing new was recorded", True
    name = write_verified(root, settings, uid, newest)
    return f"wrote {name}: the set {newest.hash} may be promoted once it has soaked; commit the file", True


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
        note_change(str(path), f"{path} was written")
    except OSError as error:
        consequence = f"cannot be written ({error.strerror})"
        raise InputError(file=str(path), consequence=consequence, fix="name a file that can be written") from None


def _route(text: str) -> "tuple[Address, Address]":
    parts = text.rsplit(":", 2)
    if len(parts) != 3:  # noqa: PLR2004 HOST:PORT, HOST, PORT
        raise _bad("--connect-to", text, "is no HOST:PORT:HOST:PORT")
    return _address(parts[0], "--connect-to"), _address(f"{parts[1]}:{parts[2]}", "--connect-to")


def _address(text: str, option: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= MOST:
        raise _bad(option, text, "is no HOST:PORT")
    return host, int(port)


def _bad(option: str, text: str, consequence: str) -> InputError:
    fix = "write wallet.example.com:443:127.0.0.1:8443" if option == "--connect-to" else "write 127.0.0.1:53"
    return InputError(file="gx verify", key=option, value=repr(text), consequence=consequence, fix=fix)
