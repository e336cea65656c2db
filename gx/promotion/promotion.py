"""Whether a set of versions may go from one network to the next, and the release file that it becomes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gx.verify.running import Running
from settings.project import stack_file
from settings.release import Image, Release, absent_from, set_hash
from settings.settings import Settings
from settings.verified import Verified, VerifiedSet

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What is known when a set is to be promoted.

    Attributes:
        source: The network before.
        target: The network that is to run the set.
        verified: What the source has verified.
        cluster_uid: The cluster that was asked.
        running: What the source's workloads run.
        now: The time.
    """

    source: Settings
    target: Settings
    verified: Verified | None
    cluster_uid: str
    running: Running
    now: datetime

    def refusals(self) -> list[str]:
        """Return why the set may not go on; empty when it may."""
        return [*self._chain(), *self._verified(), *self._versions()]

    @property
    def newest(self) -> VerifiedSet | None:
        """The source's set as it was verified, if it was."""
        return self.verified.of_hash(self.source.release.hash) if self.verified else None

    def _chain(self) -> Iterator[str]:
        name, wanted = self.source.network.name, self.target.stack.promotion.source
        target = self.target.network.name
        if wanted is None:
            yield f"{target} is the first of the chain: its versions are written by hand, nothing is promoted into it"
        elif wanted != name:
            yield f"{target} takes its versions from {wanted}: {name} would skip it"
        promoted = self.source.release.promoted
        if promoted is not None and promoted.expires is not None and promoted.expires < self.now.date():
            yield f"{name} runs its set by an override that expired on {promoted.expires}: verify the set properly"

    def _verified(self) -> Iterator[str]:
        name, newest = self.source.network.name, self.newest
        yield from (f"{name}: {problem}" for problem in self.running.problems(self.source))
        if self.verified is None:
            yield f"{name} was never verified: gx verify {name} --context NAME"
            return
        if self.verified.network != name:
            yield f"the record of {name} is that of {self.verified.network}: restore it from git"
        if self.verified.cluster_uid != self.cluster_uid:
            yield f"{name} was verified on another cluster ({self.verified.cluster_uid})"
        failure = self.verified.failure(self.source.release.hash)
        if failure is not None:
            yield f"{name}: its set {failure.hash} {failure}: gx verify {name} --context NAME, once it is repaired"
        elif newest is None or newest != self.verified.sets[0]:  # after a service left, an older set has this hash
            yield f"{name} has not verified its set {self.source.release.hash}: gx verify {name} --context NAME"
        if newest is None:
            return
        if self.running.since > newest.verified:
            when = f"{self.running.since:%Y-%m-%d %H:%M}"
            yield f"{name} was rolled out again at {when} UTC, after it was verified: gx verify {name} --context NAME"
        soaked = max(newest.deployed, self.running.since) + timedelta(hours=self.target.stack.promotion.soak_hours)
        if soaked > self.now:
            hours = self.target.stack.promotion.soak_hours
            yield f"the set has not run on {name} for {hours} h: it may go on at {soaked:%Y-%m-%d %H:%M} UTC"

    def _versions(self) -> Iterator[str]:
        for name, old, new in version_changes(self.target.release, self.source.release):
            if old is not None and new is not None and _older(new, old):
                yield f"{name} would go back from {old.tag} to {new.tag}: an earlier set comes by --rollback"
        yield from moved_tags(self.source, self.target)
        for name in self.source.workloads:
            if name not in self.target.stack.workloads:
                file = stack_file(self.target.network.name)
                yield f"{name} comes to {self.target.network.name} without settings: add workloads.{name} to {file}"


def version_changes(before: Release, after: Release) -> Iterator[tuple[str, Image | None, Image | None]]:
    """Yield what differs between two sets: workload or server, image before, image after."""
    for old, new in ((before.workloads, after.workloads), (before.platform, after.platform)):
        for name in dict.fromkeys((*old, *new)):
            if _bits(old.get(name)) != _bits(new.get(name)):
                yield name, old.get(name), new.get(name)


def _bits(image: Image | None) -> Mapping[str, Any] | None:
    return image.model_dump(exclude={"live_digest"}) if image else None


def moved_tags(source: Settings, target: Settings) -> Iterator[str]:
    """Yield tags that point to different digests on the two networks; an image that is built for each network may."""
    for name, new in source.release.workloads.items():
        old = target.release.workloads.get(name)
        if old is None or old.tag != new.tag or new.digests or new.revision:
            continue
        before, after = old.digest or old.live_digest, new.digest or new.live_digest
        if before and after and before != after:
            where = f"{after[:19]} on {source.network.name} and {before[:19]} on {target.network.name}"
            yield f"{name}:{new.tag} is {where}: the tag was moved, push the same bits under a new one"


def _older(new: Image, old: Image) -> bool:
    found = [_VERSION.fullmatch(image.tag) for image in (new, old)]
    if any(match is None for match in found):
        return False
    first, second = (tuple(int(part) for part in match.groups()) for match in found if match)
    return first < second


def promoted_release(
    target: Settings,
    workloads: Mapping[str, Image],
    platform: Mapping[str, Image],
    *,
    how: str,
    origin: str,
    **record: str | date | datetime | None,
) -> dict[str, Any]:
    """Return the content of a network's release file with another set.

    Args:
        target: The network.
        workloads: Its images of the catalogue.
        platform: Its images of the program's own servers.
        how: Why it may run them, see `settings.release.Promoted`.
        origin: Where they come from, in words.
        record: What else the record says.
    """
    said = {key: value for key, value in record.items() if value is not None}
    document = {
        "network": target.network.name,
        "origin": origin,
        "promoted": {"how": how, "hash": set_hash(workloads, platform), **said},
        "workloads": {name: _written(image) for name, image in workloads.items()},
        **({"absent": absent} if (absent := absent_from(workloads)) else {}),
        "platform": {name: _written(image) for name, image in platform.items()},
    }
    Release.model_validate(document)
    return document


def _written(image: Image) -> dict[str, Any]:
    return image.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"live_digest"})


def earlier(verified: Verified | None, current: str, wanted: str) -> VerifiedSet | None:
    """Return the set to roll back to: the one that is named, or the last before the current that has not failed since.

    A name takes a set that failed, too: the way back must be open at any time.
    """
    if verified is None:
        return None
    if wanted:
        return next((one for one in verified.sets if one.hash.startswith(wanted)), None)
    return next((one for one in verified.sets if one.hash != current and not verified.failure(one.hash)), None)


def utc_now() -> datetime:
    """Return the time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
