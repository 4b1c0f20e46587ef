"""Arrays as plain JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def plain(values: NDArray[Any], digits: int = 6) -> list[Any]:
    """Nested lists of numbers with so many significant digits, fewer below 1e-16; NaN becomes None: JSON has no NaN."""
    exact = values.astype(np.float64)
    with np.errstate(divide="ignore"):
        decimals = np.nan_to_num(digits - 1 - np.floor(np.log10(np.abs(exact))), posinf=0).clip(-300, 22)
    # Powers of ten up to 22 are exact, so the quotient is the number nearest to the rounded one, which prints short.
    up, down = 10.0 ** decimals.clip(0), 10.0 ** -decimals.clip(max=0)
    rounded = np.round(exact * up / down) / up * down
    missing = np.isnan(rounded)
    told: NDArray[Any] = rounded
    if missing.any():
        told = rounded.astype(object)
        told[missing] = None
    lists: list[Any] = told.tolist()
    return lists
