"""The same recordings as another source would have them: other levels, equalisers, masters, encoders, band limits.

Each fold's model of a cross-validation is tested again on its own test clips, changed in one way at a time.
"""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from audiocnn.audio.decode import decode
from audiocnn.audio.normalise import downmix, normalise_level
from audiocnn.errors import ConfigError
from audiocnn.waveform import Samples
from training.config import Config
from training.data.manifest import read_clips
from training.data.split import clips_of, folds_of
from training.evaluate import predict
from training.loop import MODEL
from training.metrics import measure, over_folds

Change = Callable[[Samples, int], bytes]


def measure_changes(config: Config, data: Path, run: Path) -> dict[str, dict[str, Any]]:
    """Mean and deviation over the folds of each metric, for each change in `CHANGES`; `run` is a cross-validation's.

    Raises `ConfigError` for anything but sound.
    """
    if config.input.media != "audio":
        raise ConfigError(f"the changes are for input.media = 'audio', got {config.input.media!r}")
    clips = read_clips(data, config.data)
    models = {fold: run / f"seed-{config.seed}-fold-{fold}" / MODEL for fold in folds_of(clips)}
    missing = [fold for fold, model in models.items() if not model.is_dir()]
    if missing:
        raise ConfigError(
            f"{run} has no model for fold {', '.join(missing)} with seed {config.seed}; "
            "train all folds with `python -m training crossval` first, or name its folder with --run"
        )
    results: dict[str, dict[str, Any]] = {}
    for name, change in CHANGES.items():
        folds = []
        for fold, model in models.items():
            tested = clips_of(clips, fold)
            read, allowed = partial(_changed, change), config.data.max_unreadable
            folds.append(measure(*predict(model, tested, read, max_unreadable=allowed), config.merge))
        results[name] = over_folds(folds)
    return results


def _changed(change: Change, path: Path) -> bytes:
    waveform = decode(path)
    return change(downmix(waveform.samples)[0], waveform.sample_rate)


def _wav(samples: Samples, sample_rate: int) -> bytes:
    return _encoded(samples, sample_rate, format="WAV", subtype="FLOAT")


def _encoded(samples: Samples, sample_rate: int, **how: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, **how)
    return buffer.getvalue()


def _filtered(samples: Samples, sample_rate: int, gain_db: Callable[[Samples], Samples]) -> bytes:
    """Filtered by a gain curve over octaves from 1 kHz."""
    octaves = np.log2(np.fft.rfftfreq(len(samples), 1 / sample_rate).clip(20) / 1000).astype(np.float32)
    spectrum = np.fft.rfft(samples) * 10 ** (gain_db(octaves) / 20)
    return _wav(np.fft.irfft(spectrum, n=len(samples)).astype(np.float32), sample_rate)


def _saturated(samples: Samples, sample_rate: int) -> bytes:
    loud: Samples = normalise_level(samples, "rms")
    return _wav(np.tanh(2 * loud, dtype=np.float32), sample_rate)


def _noisy(samples: Samples, sample_rate: int) -> bytes:
    unit: Samples = normalise_level(samples, "rms")
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    return _wav(np.float32(0.1) * (unit + np.float32(0.1) * noise), sample_rate)


CHANGES: dict[str, Change] = {
    "as recorded": _wav,
    "30 dB quieter": lambda x, rate: _wav(x * np.float32(0.0316), rate),
    "treble +3 dB an octave": lambda x, rate: _filtered(x, rate, lambda octaves: 3 * octaves.clip(-4, 4)),
    "treble -3 dB an octave": lambda x, rate: _filtered(x, rate, lambda octaves: -3 * octaves.clip(-4, 4)),
    "nothing above 3.4 kHz": lambda x, rate: _filtered(x, rate, lambda o: np.where(o > np.log2(3.4), -90, 0)),
    "saturated master": _saturated,
    "noise 20 dB below": _noisy,
    "MP3, lowest bit rate": lambda x, rate: _encoded(x, rate, format="MP3", compression_level=0.99),
    "Ogg Vorbis, lowest quality": lambda x, rate: _encoded(x, rate, format="OGG", compression_level=1.0),
}
