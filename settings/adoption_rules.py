"""The list of managed components: on a network made by hand it only grows; once that is adopted it is complete."""

from collections.abc import Iterator

from common.errors import InputError
from settings.project import PROJECT, adoption_file
from settings.rule import Case, Rule, problem_of


def _managed_components(case: Case) -> Iterator[InputError]:
    """The engine deletes what leaves the program, all objects of a component that leaves the list, unasked."""
    settings = case.settings
    missing = [component for component in settings.adopted if not settings.manages(component)]
    if not missing:
        return
    name, closed = settings.network.name, not settings.stack.adopt
    if closed:
        why = f"the network is adopted ({adoption_file(name)}, and {PROJECT}:adopt is false)"
        fix = f"remove the key, which stands for all; while they are being taken over {PROJECT}:adopt is true"
    else:
        why = f"{adoption_file(name)} says that it was taken over"
        fix = "list it again; to give it up, `pulumi state delete` its objects, then take it out of that file"
    consequence = f"leaves out {', '.join(missing)}: {why}, and the next `up` would delete its objects"
    listed = [component.value for component in settings.stack.managed_components]
    yield problem_of(settings, "managedComponents", listed, consequence, fix)


ADOPTION_RULES: tuple[Rule, ...] = (_managed_components,)
