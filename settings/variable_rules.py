"""Variables of one network: none that the catalogue derives, no secret in clear text, no Secret of another reader."""

import re
from collections.abc import Iterator

from catalogue import CATALOGUE
from catalogue.secrets import GENERATED
from common.errors import InputError
from common.naming import CONNECTIONS, DATABASE_ROLES, MINIO_USERS, OFFSITE
from settings.rule import Case, Rule, problem_of
from settings.settings import Settings

SECRET_NAME = re.compile(r"PASS|PWD|SECRET|TOKEN|KEY|CRED|DSN|_URL$")
_SECRET_VALUE = re.compile(
    r"://[^/@\s]*:[^/@\s]+@"  # a password in a URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|\b(sk|pk|rk)_live_\w+|\bgh[pousr]_\w{20,}|\bxox[abp]-\w+"  # Stripe, GitHub, Slack
    r"|\beyJ[\w-]+\.eyJ[\w-]+\."  # a signed token
    r"|\b(?=\w*[a-z])(?=\w*[A-Z])(?=\w*\d)\w{32,}\b"  # long, mixed, no word
)
OWN_SECRETS = frozenset(
    {row.secret for row in GENERATED.values()} | {CONNECTIONS, DATABASE_ROLES, MINIO_USERS, OFFSITE}
)
"""Secrets that the program makes: each has its readers, by the table of secrets."""


def _variables(case: Case) -> Iterator[InputError]:
    settings = case.settings
    for name, configured in settings.stack.workloads.items():
        for field, given in (("env", configured.env), ("secretEnv", configured.secret_env)):
            for variable in given:
                if variable in CATALOGUE[name].env:
                    text = "the catalogue derives it: another value would point somewhere else"
                    yield problem_of(settings, f"workloads.{name}.{field}.{variable}", None, text, "remove it")
        for variable, value in configured.env.items():
            yield from _clear_text(settings, f"workloads.{name}.env.{variable}", variable, value)
        for variable, reference in configured.secret_env.items():
            if reference.secret in OWN_SECRETS:
                text = "is a Secret that the program makes for its own readers: its keys would be handed to one more"
                key = f"workloads.{name}.secretEnv.{variable}.secret"
                yield problem_of(settings, key, reference.secret, text, "name a Secret made for this workload")


def _clear_text(settings: Settings, key: str, variable: str, value: str) -> Iterator[InputError]:
    if SECRET_NAME.search(variable) or _SECRET_VALUE.search(value):
        text = "looks like a secret: its value would be in git and in the pod's description"
        yield problem_of(settings, key, None, text, "name a Secret and its key under secretEnv")
    if not value.isascii() or not value.isprintable():
        text = "holds a character outside printable ASCII: a look-alike can name another host, unseen in review"
        yield problem_of(settings, key, value, text, "write it in ASCII, percent-encoded where it must be")
    if "$$" in value or "$(" in value:
        text = "would be changed on its way: Kubernetes makes `$` of `$$`, and another variable of `$(NAME)`"
        yield problem_of(settings, key, value, text, "write the value without it")


def _names_taken(case: Case) -> Iterator[InputError]:
    """Secrets that others make must not bear the name of one that the program makes."""
    settings = case.settings
    named = {
        "redis.secret": settings.stack.redis.secret,
        "ingress.apiTlsSecret": settings.stack.ingress.api_tls_secret,
        "ingress.walletTlsSecret": settings.stack.ingress.wallet_tls_secret,
    }
    for key, name in named.items():
        if name in OWN_SECRETS:
            text = "is a Secret that the program makes: two would write it"
            yield problem_of(settings, key, name, text, "name the Secret that exists for this")


VARIABLE_RULES: tuple[Rule, ...] = (_variables, _names_taken)
