"""`gx rotate`: a new value of a secret."""

from typing import Annotated

import typer
from rich.console import Console

from catalogue.secrets import REDIS_PASSWORD
from common.errors import InputError
from gx.cli.arguments import Stack
from gx.cli.output import Output
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.session import prepare
from gx.rotation import redis
from gx.rotation.rotate import check_adopted, check_rolled, explanation, secret_of, write_epoch
from settings.offline import offline_settings
from settings.project import PROJECT, one_writer, project_root
from settings.settings import Settings
from settings.stackfile import read_stack


def rotate(
    stack: Stack,
    secret: Annotated[str, typer.Argument(help="Its name in secretEpochs, or redisPassword.", metavar="SECRET")],
    retire: Annotated[bool, typer.Option("--retire", help="Remove the old value, once no pod uses it.")] = False,
    context: Annotated[
        str,
        typer.Option("--context", metavar="NAME", help="Cluster that is asked whether all pods rolled."),
    ] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Only say what would happen; write nothing.")] = False,
) -> None:
    """Say what `pulumi up` will do with a new value of a secret, then write its epoch into the stack file.

    Keys of MinIO's users and the database role have two values at once until the old one is retired. The value of an
    adopted network changes only after its encrypted setting was taken out. redisPassword is changed in Redis itself
    and in the network's Secret, not in the stack file: `pulumi up` then rolls the services that read it.
    """
    with one_writer(project_root()):  # two at once would both write the next epoch, and one of them be lost
        settings = offline_settings(stack, project_root(), adopting=False)
        console = Output()
        if secret == REDIS_PASSWORD:
            _rotate_redis(settings, context, console, retire=retire, explain=explain)
            return
        row = secret_of(secret, retire=retire)
        kept = {key.removeprefix(f"{PROJECT}:") for key in read_stack(stack, project_root()).secrets}
        check_adopted(settings, row, kept)
        if retire:
            check_rolled(_cluster(stack, context, "to see that no pod uses the old value"), settings, row)
        console.print("the provisioning Job removes the old value" if retire else row.effect)
        for line in explanation(project_root(), settings, row, retire=retire):
            console.print(f"  {line}")
        if explain:
            console.print(f"{stack}: nothing was written")
            return
        setting, number = write_epoch(project_root(), settings, row, retire=retire)
        console.print(f"{stack}: {setting}.{secret} is {number} now; nothing happens before `pulumi up -s {stack}`")
        if not retire and row.two_values:
            console.print(f"the old value stays valid until `gx rotate {stack} {secret} --retire --context NAME`")


def _cluster(stack: str, context: str, purpose: str) -> KubernetesApi:
    if not context:
        raise InputError(file="gx rotate", key="--context", consequence=f"is needed {purpose}", fix="name it")
    prepared = prepare(stack, context, need_zone=False)
    prepared.check_cluster(prepared.read_uid())
    return prepared.api


def _rotate_redis(settings: Settings, context: str, console: Console, *, retire: bool, explain: bool) -> None:
    stack = settings.network.name
    console.print("Redis forgets the old password" if retire else redis.EFFECT)
    if explain:
        console.print(f"{stack}: nothing was changed")
        return
    api = _cluster(stack, context, "to change the password in Redis")
    if retire:
        console.print(f"{stack}: {redis.retire(api, settings)} Redis pods know the new password alone")
        return
    count = redis.add(api, settings)
    wanted = settings.stack.redis
    console.print(f"{stack}: {count} Redis pods take both passwords; Secret {wanted.secret} holds the new one")
    console.print(f"now `pulumi up -s {stack}`: a Redis pod that restarts before knows the new password alone")
    console.print(f"then `gx rotate {stack} {REDIS_PASSWORD} --retire --context NAME`")
