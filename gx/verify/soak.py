"""From when on a set has run, as far as the pods do not tell."""

from collections.abc import Sequence

from settings.verified import VerifiedSet


def with_start(newest: VerifiedSet, earlier: Sequence[VerifiedSet]) -> VerifiedSet:
    """Return a set that was verified now, with the time from which on it runs.

    A workload that leaves rolls no pod out: what stays without it is as old as the first proof that it works so.

    Args:
        newest: The set; `deployed` is when the newest of its pods had been rolled out.
        earlier: What the network has verified before, the newest first.
    """
    if not earlier:
        return newest
    last = earlier[0]
    if newest.hash == last.hash:
        return newest.model_copy(update={"deployed": max(newest.deployed, last.deployed)})
    left = set(last.workloads) - set(newest.workloads)
    return newest.model_copy(update={"deployed": newest.verified}) if left else newest
