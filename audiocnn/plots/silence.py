"""Draws the silence detector at work."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from audiocnn.insight.silence import SilenceCurve
from audiocnn.plots.figure import COLOURS, GREY, INK, PALE, figure, styled

_LOWEST_DB = -80.0


@styled
def draw_silence(
    curve: SilenceCurve,
    outline: NDArray[np.floating],
    *,
    gaps_s: Sequence[tuple[float, float]] = (),
    threshold_db: float | None = None,
) -> Figure:
    """Amplitude, level and likelihood of silence over time.

    outline: smallest and largest amplitude `(2, columns)`. gaps_s: where the silence really is, if that is known.
    threshold_db: of a fixed rule, drawn at the level.
    """
    made = figure(9, 5, "the silence detector over time" + (", true gaps in grey" if gaps_s else ""))
    amplitude, level, likelihood = made.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [1, 1.2, 1.2]})
    end_s = float(curve.times_s[-1])
    amplitude.fill_between(np.linspace(0, end_s, outline.shape[1]), *outline, color=GREY, linewidth=0.3)
    amplitude.set(ylabel="amplitude")
    level.plot(curve.times_s, curve.levels_db.clip(_LOWEST_DB), color=COLOURS[1], linewidth=1)
    level.set(ylabel="level of 20 ms\nin dB")
    if threshold_db is not None:
        level.axhline(threshold_db, color=INK, linewidth=1, linestyle="--", label="fixed threshold")
        level.legend(loc="lower right", fontsize=8)
    likelihood.plot(curve.times_s, curve.likelihoods, color=COLOURS[0], linewidth=1)
    likelihood.axhline(0.5, color=INK, linewidth=1, linestyle="--")
    likelihood.set(ylabel="likelihood\nof silence", ylim=(-0.04, 1.04), xlabel="time in s", xlim=(0, end_s))
    for axes in (amplitude, level, likelihood):
        for start_s, stop_s in gaps_s:
            axes.axvspan(start_s, stop_s, color=PALE)
    return made
