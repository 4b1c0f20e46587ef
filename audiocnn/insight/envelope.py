"""The outline of a sound, to draw above what a model made of it."""

import numpy as np
from numpy.typing import NDArray

from audiocnn.audio.decode import decode
from audiocnn.audio.normalise import downmix
from audiocnn.source import Source


def envelope(source: Source, columns: int = 1000) -> NDArray[np.float32]:
    """The smallest and the largest amplitude `(2, columns)` in each of equal parts of the sound, all channels mixed.

    A sound of fewer samples gives as many columns. Raises what `decode` raises.
    """
    samples = downmix(decode(source).samples)[0]
    edges = np.linspace(0, len(samples), min(columns, len(samples)) + 1).astype(int)[:-1]
    return np.stack([np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)])
