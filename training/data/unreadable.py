"""Files that cannot be decoded, named and left out up to a share of all; and files with something wrong."""

import itertools
import logging
from collections.abc import Mapping
from pathlib import Path

from audiocnn.errors import ConfigError

logger = logging.getLogger(__name__)

_SHOWN = 3


def leave_out(unreadable: Mapping[Path, str], count: int, max_unreadable: float) -> None:
    """Warn of the files, each with its reason, out of `count`.

    Raises `ConfigError` if they are more than the share `max_unreadable`.
    """
    if not unreadable:
        return
    problem = f"{len(unreadable)} of {count} clips cannot be decoded"
    if len(unreadable) > max_unreadable * count:
        raise ConfigError(
            f"{problem}, more than data.max_unreadable = {max_unreadable:g} allows; mend them or take them out: "
            f"{_listed(unreadable)}"
        )
    logger.warning("%s and are left out: %s", problem, _listed(unreadable))


def warn_of(warnings: Mapping[Path, str], count: int) -> None:
    """Warn of files out of `count` that could be decoded, each with what is wrong with it."""
    if warnings:
        problem = f"something is wrong with {len(warnings)} of {count} clips"
        logger.warning("%s, which are used as far as they go: %s", problem, _listed(warnings))


def _listed(said: Mapping[Path, str]) -> str:
    shown = "; ".join(f"{path}: {words}" for path, words in itertools.islice(said.items(), _SHOWN))
    more = f"; and {len(said) - _SHOWN} more, which `python -m training check` lists"
    return shown + more if len(said) > _SHOWN else shown
