"""Accounts for tests on production: counted, or said that they cannot be."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from gx.check.accounts import accounts_for_tests
from gx.cluster.kubernetes_api import ApiError, KubernetesApi
from rules.finding import Severity

READY = {"conditions": [{"type": "Ready", "status": "True"}]}


class Api:
    """A cluster whose database answers as it is told."""

    def __init__(self, answer: Callable[[], tuple[int, str]], pods: int = 2) -> None:
        self.answer, self.pods, self.asked = answer, pods, list[tuple[str, str]]()

    def list_objects(self, *_: str, labels: str) -> Iterator[dict[str, Any]]:
        """Yield the pods of the database, each with an exporter."""
        assert labels == "app=postgres"
        for number in reversed(range(self.pods)):
            containers = [{"name": "postgres-exporter"}, {"name": "postgres"}]
            yield {"metadata": {"name": f"postgres-{number}"}, "spec": {"containers": containers}, "status": READY}

    def run_in_pod(self, _namespace: str, pod: str, container: str, _command: list[str]) -> tuple[int, str]:
        """Answer."""
        self.asked.append((pod, container))
        return self.answer()


def refuse() -> tuple[int, str]:
    raise ApiError(403, "Forbidden", 'User "ci" cannot create resource "pods/exec"')


@pytest.mark.parametrize(
    ("answer", "severity", "text"),
    [
        (lambda: (0, "2\n"), Severity.WARNING, "2 accounts of the domain gxcoin.test: "),
        (lambda: (0, "1\n"), Severity.WARNING, "1 account of the domain gxcoin.test: "),
        (lambda: (2, "psql: error:\nno login"), Severity.NOTE, "cannot be counted (psql: error: no login)"),
        (lambda: (1, ""), Severity.NOTE, "cannot be counted (psql ended with 1)"),
        (lambda: (0, "many"), Severity.NOTE, "cannot be counted (many)"),
        (refuse, Severity.NOTE, 'cannot be counted (User "ci" cannot create resource "pods/exec")'),
    ],
)
def test_they_are_counted_or_it_is_said(answer: Callable[[], tuple[int, str]], severity: Severity, text: str) -> None:
    api = Api(answer)
    (found,) = accounts_for_tests(cast("KubernetesApi", api), "backend-mainnet")
    assert found.severity is severity
    assert text in found.text
    assert api.asked == [("postgres-0", "postgres")]


def test_none_is_nothing_to_say_and_no_pod_is() -> None:
    assert list(accounts_for_tests(cast("KubernetesApi", Api(lambda: (0, "0\n"))), "x")) == []
    (found,) = accounts_for_tests(cast("KubernetesApi", Api(lambda: (0, "0\n"), pods=0)), "x")
    assert "no pod with app=postgres is ready" in found.text
