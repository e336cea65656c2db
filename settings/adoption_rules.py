"""The list of waves: on a network that was made by hand it only grows, and once that is adopted it is the whole."""

from collections.abc import Iterator

from common.errors import InputError
from settings.project import PROJECT, adoption_file
from settings.rule import Case, Rule, problem_of


def _waves(case: Case) -> Iterator[InputError]:
    """The engine deletes what leaves the program: the objects of a wave that leaves the list, without a question."""
    settings = case.settings
    listed, missing = settings.stack.waves, [wave for wave in settings.adopted if not settings.manages(wave)]
    if not missing:
        return
    name, closed = settings.network.name, not settings.stack.adopt
    if closed:
        why = f"the network is adopted ({adoption_file(name)}, and {PROJECT}:adopt is false)"
        fix = f"remove the key, which stands for every wave; while they are being taken over {PROJECT}:adopt is true"
    else:
        why = f"{adoption_file(name)} says that it was taken over"
        fix = "list it again; to give it up, `pulumi state delete` its objects, then take it out of that file"
    consequence = f"leaves out {', '.join(missing)}: {why}, and the next `up` would delete its objects"
    yield problem_of(settings, "waves", [wave.value for wave in listed], consequence, fix)


ADOPTION_RULES: tuple[Rule, ...] = (_waves,)
