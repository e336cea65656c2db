"""What a network with real pods finds around it, as containers: database, Redis, ingress controller, Prometheus.

In production others installed these. Here they are as small as the network allows.
"""

from collections.abc import Iterator

import yaml

from common.cluster import INGRESS_CONTROLLERS
from common.naming import BACKEND_SECRETS, MONITORING_NAMESPACE, POSTGRES_PORT, REDIS_PORT
from common.objects import Object
from devcluster.manifest import manifest
from devcluster.node.images import POSTGRES_IMAGE, PROMETHEUS_IMAGE, REDIS_IMAGE, TRAEFIK_IMAGE
from gx.edge.controller_setup import wanted_setup
from settings.settings import Settings

CONTROLLER_REPLICAS = 2
POSTGRES_USER, REDIS_USER, MONITORING_USER, TRAEFIK_USER = 999, 1000, 65534, 65532
PROMETHEUS_PORT, ALERTMANAGER_PORT = 9090, 9093
_SCRATCH: Object = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 an emptyDir inside the pod
_TARGETS = "/data/targets.json"
_DATABASE = "gx_protocol"  # production.md#database

_START_POSTGRES = """set -eu
export PGDATA=/data/main
if [ ! -e $PGDATA ]; then
  rm -rf $PGDATA.part
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  initdb -D $PGDATA.part -U "$POSTGRES_USER" --pwfile=/tmp/password --auth=scram-sha-256 -E UTF8 --locale=C >/dev/null
  rm /tmp/password
  echo 'host all all all scram-sha-256' >>$PGDATA.part/pg_hba.conf
  export PGPASSWORD=$POSTGRES_PASSWORD PGHOST=/tmp PGUSER=$POSTGRES_USER
  pg_ctl -D $PGDATA.part -w -o "-k /tmp -c listen_addresses=''" start >/dev/null
  createdb DATABASE
  psql -q -d DATABASE -v ON_ERROR_STOP=1 -1 -f /opt/fakes/platform.sql
  pg_ctl -D $PGDATA.part -w stop >/dev/null
  mv $PGDATA.part $PGDATA
fi
exec postgres -D $PGDATA -k /tmp -c listen_addresses='*' -c shared_buffers=64MB -c jit=off
""".replace("DATABASE", _DATABASE)
# From standard input: an argument list is visible to every process of the machine.
_START_REDIS = """set -eu
printf 'requirepass "%s"\\ndir /data\\nappendonly yes\\nprotected-mode no\\n' "$REDIS_PASSWORD" | exec redis-server -
"""
_START_PROMETHEUS = f"""set -eu
prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/data --web.enable-lifecycle \\
  --web.listen-address=:{PROMETHEUS_PORT} --log.level=warn &
child=$!
trap 'kill $child' TERM
seen=
while kill -0 $child 2>/dev/null; do
  now=$(cat /rules/*.yml 2>/dev/null | cksum)
  [ "$now" = "$seen" ] || wget -q -O /dev/null --post-data= http://127.0.0.1:{PROMETHEUS_PORT}/-/reload && seen=$now
  sleep 2 & wait $! || true
done
"""


def surroundings(settings: Settings) -> Iterator[Object]:
    """Yield the objects around a network in an order in which each finds what it needs."""
    yield from _controller(settings)
    yield from _monitoring(settings)


def database(settings: Settings, labels: dict[str, str], resources: Object) -> Object:
    """Return PostgreSQL with what others made in production's database."""
    return _deployment(
        settings,
        "postgres",
        labels,
        image=POSTGRES_IMAGE,
        command=["/bin/sh", "-c", _START_POSTGRES],
        env=[
            _from_secret("POSTGRES_USER", BACKEND_SECRETS, "DATABASE_USER"),
            _from_secret("POSTGRES_PASSWORD", BACKEND_SECRETS, "DATABASE_PASSWORD"),
        ],
        port=POSTGRES_PORT,
        user=POSTGRES_USER,
        resources=resources,
    )


def redis(settings: Settings, labels: dict[str, str], resources: Object) -> Object:
    """Return Redis with the network's own password."""
    secret = settings.stack.redis
    return _deployment(
        settings,
        "redis",
        labels,
        image=REDIS_IMAGE,
        command=["/bin/sh", "-c", _START_REDIS],
        env=[_from_secret("REDIS_PASSWORD", secret.secret, secret.key)],
        port=REDIS_PORT,
        user=REDIS_USER,
        resources=resources,
    )


RUNNING = {"postgres": database, "redis": redis}
"""The external workloads that really run; others exist without pods."""


def _from_secret(name: str, secret: str, key: str) -> Object:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _deployment(
    settings: Settings,
    name: str,
    labels: dict[str, str],
    *,
    image: str,
    command: list[str],
    env: list[Object],
    port: int,
    user: int,
    resources: Object,
) -> Object:
    """Return a server on the claim that the external workload has, one at a time."""
    probe = {"tcpSocket": {"port": port}, "periodSeconds": 2, "failureThreshold": 30}
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": env,
        "ports": [{"containerPort": port}],
        "startupProbe": probe,
        "readinessProbe": {**probe, "failureThreshold": 2},
        "resources": resources,
        "securityContext": _RESTRICTED,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, _SCRATCH],
    }
    volumes: list[Object] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": f"{name}-data-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    pod = {**_pod(settings, user), "containers": [container], "volumes": volumes}
    return manifest(
        "apps/v1",
        "Deployment",
        settings.network.namespace,
        name,
        spec={
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    )


_RESTRICTED: Object = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def _pod(settings: Settings, user: int) -> Object:
    scheduling = settings.stack.scheduling
    return {
        "nodeSelector": scheduling.node_selector,
        "tolerations": [toleration.model_dump(exclude_none=True) for toleration in scheduling.tolerations],
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _rights(namespace: str, name: str, rules: list[Object]) -> Iterator[Object]:
    yield manifest("v1", "ServiceAccount", namespace, name)
    yield manifest("rbac.authorization.k8s.io/v1", "ClusterRole", "", f"gx-local-{name}", rules=rules)
    yield manifest(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        "",
        f"gx-local-{name}",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"gx-local-{name}"},
        subjects=[{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
    )


def _reads(groups: list[str], kinds: list[str]) -> Object:
    return {"apiGroups": groups, "resources": kinds, "verbs": ["get", "list", "watch"]}


def _controller(settings: Settings) -> Iterator[Object]:
    """Yield Traefik, configured as the network asks for it (`gx edge controller`)."""
    controller = INGRESS_CONTROLLERS["traefik"]
    namespace, name, labels = controller.namespace, controller.service, {"app": "traefik"}
    yield manifest("v1", "Namespace", "", namespace)
    rules = [
        _reads([""], ["services", "endpoints", "secrets", "nodes", "namespaces", "pods"]),
        _reads(["discovery.k8s.io"], ["endpointslices"]),
        _reads(["networking.k8s.io"], ["ingresses", "ingressclasses"]),
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["update"]},
    ]
    yield from _rights(namespace, name, rules)
    setup = wanted_setup(settings)
    files = {path.rsplit("/", 1)[-1]: yaml.safe_dump(content) for path, content in setup.items()}
    yield manifest("v1", "ConfigMap", namespace, name, data=files)
    http, https = controller.pod_ports
    ports = [
        {"name": "http", "port": 80, "targetPort": http},
        {"name": "https", "port": 443, "targetPort": https},
    ]
    yield manifest("v1", "Service", namespace, name, spec={"selector": labels, "ports": ports})
    probe = {"tcpSocket": {"port": https}, "periodSeconds": 2, "failureThreshold": 30}
    container = {
        "name": name,
        "image": TRAEFIK_IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--configFile=/etc/traefik/traefik.yaml"],
        "ports": [{"containerPort": http}, {"containerPort": https}],
        "startupProbe": probe,
        "readinessProbe": {**probe, "failureThreshold": 2},
        "securityContext": _RESTRICTED,
        "volumeMounts": [{"name": "files", "mountPath": "/etc/traefik"}, _SCRATCH],
    }
    volumes: list[Object] = [{"name": "files", "configMap": {"name": name}}, {"name": "tmp", "emptyDir": {}}]
    pod = {**_pod(settings, TRAEFIK_USER), "serviceAccountName": name, "containers": [container], "volumes": volumes}
    yield manifest(
        "apps/v1",
        "Deployment",
        namespace,
        name,
        spec={
            "replicas": CONTROLLER_REPLICAS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    )


def _monitoring(settings: Settings) -> Iterator[Object]:
    """Yield Prometheus and Alertmanager in one pod: they read the network's rules as they are delivered."""
    namespace, name, labels = MONITORING_NAMESPACE, "prometheus", {"app": "prometheus-server"}
    yield from _rights(namespace, name, [_reads([""], ["pods", "services", "endpoints", "nodes"])])
    files = {
        "prometheus.yml": yaml.safe_dump(_prometheus()),
        "alertmanager.yml": yaml.safe_dump(
            {"route": {"receiver": "nobody", "group_wait": "1s"}, "receivers": [{"name": "nobody"}]}
        ),
    }
    yield manifest("v1", "ConfigMap", namespace, name, data=files)
    mounts = [
        {"name": "files", "mountPath": "/etc/prometheus"},
        {"name": "rules", "mountPath": "/rules"},
        {"name": "data", "mountPath": "/data"},
        _SCRATCH,
    ]
    alertmanager = [
        "prometheus-alertmanager",
        "--config.file=/etc/prometheus/alertmanager.yml",
        "--storage.path=/data/alertmanager",
        "--cluster.listen-address=",
        f"--web.listen-address=:{ALERTMANAGER_PORT}",
    ]
    discovery = ["python3", "-m", "fakes.discovery", _TARGETS]
    discovery += [settings.network.namespace, settings.network.edge_namespace]
    containers: list[Object] = [
        {
            "name": part,
            "image": PROMETHEUS_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": command,
            "ports": [{"containerPort": port}],
            "readinessProbe": {"httpGet": {"path": "/-/ready", "port": port}, "periodSeconds": 2},
            "securityContext": _RESTRICTED,
            "volumeMounts": mounts,
        }
        for part, command, port in (
            ("prometheus", ["/bin/sh", "-c", _START_PROMETHEUS], PROMETHEUS_PORT),
            ("alertmanager", alertmanager, ALERTMANAGER_PORT),
        )
    ]
    containers.append(
        {
            "name": "discovery",
            "image": PROMETHEUS_IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "command": discovery,
            "securityContext": _RESTRICTED,
            "volumeMounts": mounts,
        }
    )
    volumes: list[Object] = [
        {"name": "files", "configMap": {"name": name}},
        {"name": "rules", "configMap": {"name": settings.network.alerts_config_map, "optional": True}},
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    user = _pod(settings, MONITORING_USER)
    pod = {**user, "serviceAccountName": name, "containers": containers, "volumes": volumes}
    spec = {
        "serviceName": name,
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    yield manifest("apps/v1", "StatefulSet", namespace, name, spec=spec)


def _prometheus() -> Object:
    """Return Prometheus' configuration; `discovery` writes the targets (production.md#monitoring)."""
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": ["/rules/*.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ALERTMANAGER_PORT}"]}]}],
        },
        "scrape_configs": [
            {"job_name": "kubernetes-pods", "file_sd_configs": [{"files": [_TARGETS], "refresh_interval": "5s"}]}
        ],
    }
