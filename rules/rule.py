"""What a rule is: a function, with its name, reason, remedy and scope beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from common.plan import Plan
from rules.finding import Finding

Check = Callable[[Plan], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule. How bad a finding is, the rule itself says: an error, a warning or a note.

    Attributes:
        name: Its name in reports, in the policy pack and in waivers.
        check: Yields what is wrong.
        reason: What happens where it is broken.
        remedy: What to do then.
        live: Whether it also holds for objects as they are in a cluster, where registrations are not known.
    """

    name: str
    check: Check
    reason: str
    remedy: str
    live: bool

    def __call__(self, plan: Plan) -> Iterator[Finding]:
        """Yield what is wrong with a Plan, under the rule's own name."""
        return (replace(finding, check=self.name) for finding in self.check(plan))


def rule(name: str, *, reason: str, remedy: str, live: bool = False) -> Callable[[Check], Rule]:
    """Make a function a rule: previews and the policy pack run it, and with `live` comparisons with a cluster, too."""
    return lambda check: Rule(name=name, check=check, reason=reason, remedy=remedy, live=live)
