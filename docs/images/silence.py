"""Makes the pictures of docs/silence.md from a sound it computes: python docs/images/silence.py"""

import io
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.envelope import envelope
from audiocnn.insight.report import inspect_model
from audiocnn.insight.silence import SAMPLE_RATE, silence_curve
from audiocnn.plots.figure import write_png
from audiocnn.plots.filters import draw_waves
from audiocnn.plots.silence import draw_silence

HERE = Path(__file__).parent
GAPS_S = ((2.0, 3.5), (5.5, 6.0), (8.0, 11.0))
SECONDS, SNR_DB = 13, 10


def melody() -> np.ndarray:
    """Plucked notes of a third of a second, each with five harmonics, and nothing in the gaps."""
    random = np.random.default_rng(0)
    time = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    sound = np.zeros_like(time)
    for start in np.arange(0, SECONDS, 1 / 3):
        since = np.maximum(time - start, 0)
        hz = 220 * 2 ** (random.choice([0, 3, 5, 7, 10, 12]) / 12)
        waves = sum(np.sin(2 * np.pi * k * hz * since) / k for k in range(1, 6))
        sound += (time >= start) * (since < 0.6) * np.exp(-5 * since) * waves
    for start, end in GAPS_S:
        sound[(time >= start) & (time < end)] = 0
    return sound


def main() -> None:
    sound = melody()
    noise = np.random.default_rng(1).standard_normal(len(sound))
    level = np.sqrt(np.mean(np.square(sound[sound != 0]))) * 10 ** (-SNR_DB / 20)
    file = io.BytesIO()
    soundfile.write(file, 0.2 * (sound + level * noise), SAMPLE_RATE, format="WAV")
    curve = silence_curve(file.getvalue(), SilenceDetector.load())
    response = draw_silence(curve, envelope(file.getvalue()), gaps_s=GAPS_S, threshold_db=-40)
    write_png(response, HERE / "silence-response.png")
    report = inspect_model("silence")
    write_png(draw_waves(report.filters, report.responses), HERE / "silence-filters.png")
    for path in HERE.glob("silence-*.png"):
        Image.open(path).convert("RGB").quantize(32).save(path, optimize=True)


if __name__ == "__main__":
    main()
