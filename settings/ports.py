"""The one table of ports: Service ports of a network, derived from the catalogue and the stack file."""

from catalogue import CATALOGUE
from catalogue.workload_spec import WorkloadSpec
from settings.model import ServicePort, ServiceSettings
from settings.settings import Settings


def service_of(settings: Settings, workload: WorkloadSpec) -> ServiceSettings:
    """Return a workload's Service on this network: the stack file's, else the catalogue's ClusterIP."""
    configured = settings.workload(workload.name).service
    if configured is not None:
        return configured
    ports = tuple(ServicePort(port=port, target=target) for target, port in workload.service_ports.items())
    return ServiceSettings(ports=ports)


def http_service_port(settings: Settings, name: str) -> int:
    """Return the Service port that reaches a workload's `http` port: the first one declared."""
    ports = service_of(settings, CATALOGUE[name]).ports
    return next(port.port for port in ports if port.target == "http")


def service_url(settings: Settings, name: str) -> str:
    """Return the in-cluster URL of a workload, with a port that its Service has."""
    host = settings.network.service_host(CATALOGUE[name].service)
    return f"http://{host}:{http_service_port(settings, name)}"


def port_names(ports: tuple[ServicePort, ...]) -> list[str]:
    """Return a unique name per Service port: the target's, with the number for every further port to it."""
    seen: set[str] = set()
    names: list[str] = []
    for port in ports:
        names.append(f"{port.target}-{port.port}" if port.target in seen else port.target)
        seen.add(port.target)
    return names
