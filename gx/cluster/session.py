"""One session with a network's cluster: settings, connection, zone and Plan, checked before a command uses them."""

from dataclasses import dataclass

from rich.console import Console

from catalogue.secrets import ENCRYPTED
from common.errors import InputError
from common.plan import Plan
from gx.cluster.kubernetes_api import KubernetesApi
from gx.cluster.refusals import explained
from gx.cluster.zone import TOKEN_VARIABLE, Zone, zone_from_environment
from gx.plan.record import record
from settings.adoption import Adoption, read_adoption
from settings.offline import offline_settings
from settings.project import PROJECT, project_root, stack_file
from settings.settings import Settings
from settings.stackfile import UNSET_CLUSTER_UID, UNSET_ZONE_ID, read_stack


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A network about to be compared.

    Attributes:
        settings: Its settings.
        api: Its cluster.
        zone: Its DNS zone, or None when that is not looked at.
        before: What was recorded in earlier runs.
        kept_secrets: Encrypted settings that are set.
    """

    settings: Settings
    api: KubernetesApi
    zone: Zone | None
    before: Adoption | None
    kept_secrets: tuple[str, ...]

    @property
    def accepted(self) -> tuple[str, ...]:
        """What was accepted in earlier runs."""
        return self.before.accepted if self.before else ()

    @property
    def zone_id(self) -> str:
        """Id of the zone, for import ids."""
        return self.settings.stack.cloudflare.zone_id or ""

    def read_uid(self) -> str:
        """Return the uid of the cluster.

        Raises:
            InputError: It cannot be asked.
        """
        with explained(self.api, fix="correct the connection or the rights; nothing was changed"):
            return self.api.uid()

    def check_cluster(self, uid: str) -> None:
        """Refuse another cluster than the one that the stack pins.

        Raises:
            InputError: It is another one.
        """
        pinned, stack = self.settings.stack.cluster_uid, self.settings.network.name
        if pinned not in (uid, UNSET_CLUSTER_UID):
            raise InputError(
                file=stack_file(stack),
                key=f"{PROJECT}:clusterUid",
                value=pinned,
                consequence=f"the context leads to the cluster {uid}; nothing was compared",
                fix="choose the right context, or pin this cluster on purpose",
            )

    def record(self, console: Console) -> Plan:
        """Return the Plan of the whole network, without any import: what a later component brings is no stranger."""
        console.print(f"recording {self.settings.network.name} ...")
        return record(self.settings.network.name, root=project_root(), whole=True)


def prepare(stack: str, context: str, *, need_zone: bool) -> Prepared:
    """Read settings and find cluster and zone; neither has been asked anything yet.

    Raises:
        InputError: Settings, kubeconfig or adoption map cannot be used, or the zone cannot be looked at but must be.
    """
    root = project_root()
    settings = offline_settings(stack, root, adopting=False)
    zone_id = settings.stack.cloudflare.zone_id
    zone = zone_from_environment(None if zone_id == UNSET_ZONE_ID else zone_id)
    if need_zone and zone is None:
        missing = TOKEN_VARIABLE if zone_id != UNSET_ZONE_ID else f"{PROJECT}:cloudflare.zoneId"
        raise InputError(
            file=stack_file(stack),
            key=missing,
            consequence="is not set: the zone cannot be checked",
            fix=f"set {missing}",
        )
    secrets = read_stack(stack, root).secrets
    return Prepared(
        settings=settings,
        api=KubernetesApi.connect(context=context),
        zone=zone,
        before=read_adoption(stack, root),
        kept_secrets=tuple(key for key in ENCRYPTED if f"{PROJECT}:{key}" in secrets),
    )
