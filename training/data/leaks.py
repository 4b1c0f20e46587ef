"""Clips on two sides of a split that give away the answer: of one group, or with the same content."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from audiocnn.errors import ConfigError
from training.data.manifest import Clip

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Leak:
    """Clips that belong on one side and are on several: by the name of the side, in the order of the sides.

    group: what they have in common; empty if that is their content.
    """

    group: str
    clips: Mapping[str, Sequence[Clip]]


def shared_groups(sides: Mapping[str, Sequence[Clip]]) -> list[Leak]:
    """The groups that are on several sides."""
    return [Leak(group, found) for group, found in _on_several(sides, lambda clip: clip.group)]


def shared_content(sides: Mapping[str, Sequence[Clip]], digest: Callable[[Clip], str]) -> list[Leak]:
    """Clips with the same content on several sides; `digest` names a clip's, with "" for none (see `Cache.digest`)."""
    return [Leak("", found) for _, found in _on_several(sides, digest)]


def refuse(leaks: Iterable[Leak]) -> None:
    """Raises `ConfigError` with the first of the leaks, if there are any."""
    found = list(leaks)
    if not found:
        return
    shown = "; ".join(_words(leak) for leak in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more, which `python -m training check` lists" if len(found) > _SHOWN else ""
    mend = "put each group on one side" if found[0].group else "take the copies out, or give them one group"
    raise ConfigError(
        f"{shown}{more}: the score would be too good; {mend}, or set data.allow_leaks = true if that is meant"
    )


def _words(leak: Leak) -> str:
    if leak.group:
        return f"group {leak.group!r} is in {' and in '.join(leak.clips)}"
    return " and ".join(f"{clips[0].path} in {side}" for side, clips in leak.clips.items()) + " have the same content"


def _on_several(
    sides: Mapping[str, Sequence[Clip]], key: Callable[[Clip], str]
) -> Iterable[tuple[str, dict[str, list[Clip]]]]:
    """What `key` says of clips on several sides, with those clips; "" does not count."""
    found: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for side, clips in sides.items():
        for clip in clips:
            if name := key(clip):
                found[name][side].append(clip)
    return ((name, dict(by_side)) for name, by_side in found.items() if len(by_side) > 1)
