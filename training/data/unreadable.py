"""Files that cannot be decoded: named and left out, up to a share of all."""

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
    listed = "; ".join(f"{path}: {reason}" for path, reason in itertools.islice(unreadable.items(), _SHOWN))
    if len(unreadable) > _SHOWN:
        listed += f"; and {len(unreadable) - _SHOWN} more, which `python -m training check` lists"
    problem = f"{len(unreadable)} of {count} clips cannot be decoded"
    if len(unreadable) > max_unreadable * count:
        raise ConfigError(
            f"{problem}, more than data.max_unreadable = {max_unreadable:g} allows; mend them or take them out: "
            f"{listed}"
        )
    logger.warning("%s and are left out: %s", problem, listed)
