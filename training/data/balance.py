"""Dividing clips into parts of about the same size and the same labels, whole groups at a time."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


def balanced_parts(labels: Sequence[Sequence[str]], groups: Sequence[str], parts: int, seed: int) -> list[int]:
    """The part from 0 to `parts - 1` that each clip belongs to; a clip may have any number of labels.

    Groups are dealt out from the largest to the smallest, those of one size in the random order of `seed`, each to the
    part that has least of what the group brings. The time grows with the number of clips.
    """
    # The empty label, which no clip has, stands for the clip itself: parts shall have equally many of these as well.
    contents: dict[str, Counter[str]] = defaultdict(Counter)
    for names, group in zip(labels, groups, strict=True):
        contents[group].update(["", *names])
    totals = Counter[str]()
    for content in contents.values():
        totals.update(content)
    order = np.random.default_rng(seed).permutation(sorted(contents)).tolist()
    order.sort(key=lambda group: -contents[group][""])
    loads = {label: np.zeros(parts) for label in totals}
    part_of = {}
    for group in order:
        crowded = sum(loads[label] * (count / totals[label] ** 2) for label, count in contents[group].items())
        part = int(np.argmin(crowded))
        part_of[group] = part
        for label, count in contents[group].items():
            loads[label][part] += count
    return [part_of[group] for group in groups]
