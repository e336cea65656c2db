"""Whether a network may run its set: hashes are compared, no clock is looked at, so Monday and Tuesday agree."""

from collections.abc import Iterator

from common.errors import InputError, shown
from settings.project import release_file, verified_file
from settings.release import Promoted
from settings.rule import Case, Rule, problem_of
from settings.settings import Settings
from settings.verified import read_verified


def _chain(case: Case) -> Iterator[InputError]:
    settings = case.settings
    source, name = settings.stack.promotion.source, settings.network.name
    if source == name or (source is not None and source not in case.others):
        consequence = "is the network itself" if source == name else "is no network of this project"
        fix = f"name one of {', '.join(case.others)}, or remove the key for the first of the chain"
        yield problem_of(settings, "promotion.from", source, consequence, fix)


def promotion_gate(case: Case) -> Iterator[InputError]:
    """Yield why the network may not run its set."""
    settings = case.settings
    source, release = settings.stack.promotion.source, settings.release
    if source is None:
        return
    if release.promoted is None:
        yield _problem(settings, "promoted", None, "nothing says why the network may run this set")
        return
    if release.promoted.hash != release.hash:
        text = f"the set is {release.hash}: a version was changed by hand, past {source}"
        yield _problem(settings, "promoted.hash", release.promoted.hash, text)
        return
    yield from _reason(case, source, release.promoted)


def _reason(case: Case, source: str, promoted: Promoted) -> Iterator[InputError]:
    settings, name = case.settings, case.settings.network.name
    if promoted.how == "promotion":
        yield from _proof(case, source, promoted)
    elif promoted.how == "as found":
        if settings.release.origin != "as found":
            yield _problem(settings, "promoted.how", promoted.how, f"but the origin is {settings.release.origin!r}")
    elif promoted.how == "rollback":
        if not _was_verified(case, promoted.hash):
            text = f"{verified_file(name)} knows no such set: {name} has never verified it"
            yield _problem(settings, "promoted.hash", promoted.hash, text)
    elif promoted.reason is None or promoted.expires is None:
        yield _problem(settings, "promoted.how", promoted.how, "an override needs a reason and the day it expires")


def _proof(case: Case, source: str, promoted: Promoted) -> Iterator[InputError]:
    settings, name = case.settings, case.settings.network.name
    if promoted.source != source:
        text = f"{name} takes its versions from {source}: a network was skipped"
        yield _problem(settings, "promoted.source", promoted.source, text)
        return
    if _was_verified(case, promoted.hash):
        return
    record = read_verified(source, case.root)
    if record is None or record.network != source or record.of_hash(promoted.hash) is None:
        text = f"{verified_file(source)} knows no such set: {source} has not verified it"
        yield _problem(settings, "promoted.hash", promoted.hash, text)
    elif failure := record.failure(promoted.hash):
        yield _problem(settings, "promoted.hash", promoted.hash, f"on {source} this set {failure}")


def _was_verified(case: Case, wanted: str) -> bool:
    """Return whether the network itself has ever verified a set, even if it failed since then.

    Such a set has arrived: refusing it would stop every other change, too, on the day on which something is broken.
    """
    name = case.settings.network.name
    record = read_verified(name, case.root)
    return record is not None and record.network == name and record.of_hash(wanted) is not None


def _problem(settings: Settings, key: str, value: object, consequence: str) -> InputError:
    name, source = settings.network.name, settings.stack.promotion.source
    return InputError(
        file=release_file(name),
        key=key,
        value=None if value is None else shown(value),
        consequence=consequence,
        fix=f"gx promote {source} {name} --context NAME writes the file; an earlier set: --rollback",
    )


PROMOTION_RULES: tuple[Rule, ...] = (_chain, promotion_gate)
