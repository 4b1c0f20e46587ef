"""Arrays as plain JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def plain(values: NDArray[Any]) -> list[Any]:
    """Nested lists of numbers with six significant digits; NaN becomes None, which JSON can say."""
    flat = [None if np.isnan(v) else float(f"{v:.6g}") for v in np.ravel(values).tolist()]
    return np.array(flat, dtype=object).reshape(values.shape).tolist()  # type: ignore[no-any-return]
