"""The section `[augment]` for sound."""

import math
from dataclasses import dataclass

from audiocnn.errors import ConfigError
from training.config.checks import MOST_DB, STEEPEST, check_fields, is_range


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """What each training window goes through, in this order; 0 or an empty range switches a step off.

    speed: largest relative change of speed and pitch. shift: largest move in time, as a share of the window; what
    leaves at one end enters at the other. gain_db: largest change of level, either way. The network hears it only with
    `input.normalisation = "none"`; under the others it changes only what `soft_clip` does and, where no white noise
    follows (`noise_db` empty, or `noise_colours` given), what `train.cut_mix` puts together. segment_gain_db: largest
    of the slow changes of level within the window, either way.
    soft_clip: probability of a saturated master. eq_db: deviation of a random equaliser curve. low_pass: probability of
    an upper limit between 2.5 kHz and the Nyquist frequency. high_pass: probability of a lower limit between
    40 and 250 Hz. band_mask: widest band that is cut out, as a share of the mel scale, `band_masks` of them in each
    window (SpecAugment, Park et al. 2019, on the waveform).
    noise_db: range of signal-to-noise ratios of noise, applied to every second window. noise_colours: range of the
    exponent a of its power 1/f^a: 0 white, 1 pink, 2 brown, -1 blue, -2 violet; white if empty.
    codec: probability of the errors and the upper limit of a lossy encoder. time_mask_ms: longest stretch that is
    silenced, `time_masks` of them in each window.
    polarity: flip half of the windows.
    """

    speed: float = 0.0
    shift: float = 0.0
    gain_db: float = 6.0
    segment_gain_db: float = 0.0
    soft_clip: float = 0.0
    eq_db: float = 0.0
    low_pass: float = 0.0
    high_pass: float = 0.0
    band_mask: float = 0.0
    band_masks: int = 1
    noise_db: tuple[float, ...] = (15.0, 45.0)
    noise_colours: tuple[float, ...] = ()
    codec: float = 0.0
    time_mask_ms: float = 0.0
    time_masks: int = 1
    polarity: bool = True

    def __post_init__(self) -> None:
        check_fields("augment.", self, ["speed", "band_mask"], lambda v: 0 <= v < 1, "a share from 0 to below 1")
        check_fields("augment.", self, ["shift"], lambda v: 0 <= v <= 1, "a share from 0 to 1")
        levels = ["gain_db", "segment_gain_db", "eq_db"]
        check_fields("augment.", self, levels, lambda v: 0 <= v <= MOST_DB, f"from 0 to {MOST_DB} dB")
        chances = ["soft_clip", "low_pass", "high_pass", "codec"]
        check_fields("augment.", self, chances, lambda v: 0 <= v <= 1, "a probability from 0 to 1")
        check_fields("augment.", self, ["time_mask_ms"], lambda v: 0 <= v < math.inf, "a finite number from 0 up")
        check_fields("augment.", self, ["time_masks", "band_masks"], lambda v: v >= 1, "at least 1")
        for name, most, unit in (("noise_db", MOST_DB, " dB"), ("noise_colours", STEEPEST, "")):
            values = getattr(self, name)
            if values and not is_range(values, most):
                raise ConfigError(
                    f"augment.{name} must be [] or [lowest, highest] from -{most} to {most}{unit}, got {list(values)}"
                )
