"""What the silence detector changes for a cross-validation's models: accuracy, windows left out, and time.

    python benchmarks/silence.py CONFIG --data DATA --run runs/NAME-crossval [--clips 100]

Each test clip is classified by the model that never saw it, with the level rule alone and with the detector: as
recorded, and with a pause put in: a quarter of its seconds at its middle silenced, noise 15 dB below its level over
everything.
"""

import argparse
import dataclasses
import io
import sys
import time
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from audiocnn.audio.decode import decode
from audiocnn.audio.normalise import downmix
from audiocnn.checkpoint import ONNX, read_spec, weights_sha256
from audiocnn.inference.classifier import Classifier
from audiocnn.inference.onnx_backend import OnnxBackend
from training.config import load_config
from training.data.manifest import Clip, read_clips
from training.data.split import clips_of, folds_of

SOUNDS = ("as recorded", "with noisy pauses")
RULES = ("level", "detector")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=400)
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    clips = read_clips(arguments.data, config.data, config.input.media)
    folds = folds_of(clips)
    right = {(sound, rule): [] for sound in SOUNDS for rule in RULES}
    left_out, windows, seconds = dict.fromkeys(SOUNDS, 0), dict.fromkeys(SOUNDS, 0), dict.fromkeys(RULES, 0.0)
    for fold in folds:
        model = arguments.run / f"seed-{config.seed}-fold-{fold}" / "model"
        classifiers = {rule: _with_rule(model, rule) for rule in RULES}
        tested = clips_of(clips, fold)
        for clip in tested[:: max(1, len(tested) * len(folds) // arguments.clips)]:
            for sound, data in zip(SOUNDS, (clip.path.read_bytes(), _with_pauses(clip)), strict=True):
                silent = {}
                for rule, classifier in classifiers.items():
                    started = time.process_time()
                    result = classifier.classify(data)
                    seconds[rule] += time.process_time() - started
                    right[sound, rule].append(result.predictions[0].label == clip.labels[0])
                    silent[rule] = sum(segment.silent for segment in result.segments)
                left_out[sound] += silent["detector"] - silent["level"]
                windows[sound] += len(result.segments)
    print("| | accuracy, level rule | with the detector | windows left out by it |\n|---|---|---|---|")
    for sound in SOUNDS:
        level, detector = (np.mean(right[sound, rule]) for rule in RULES)
        print(f"| {sound} | {level:.3f} | {detector:.3f} | {left_out[sound]} of {windows[sound]} |")
    more = seconds["detector"] / seconds["level"] - 1
    print(f"\n{len(right[SOUNDS[0], 'level'])} clips; CPU time with the detector: {more:+.1%}")


def _with_rule(model: Path, rule: str) -> Classifier:
    spec = read_spec(model)
    spec = dataclasses.replace(spec, input=dataclasses.replace(spec.input, silence=rule))
    return Classifier(spec, OnnxBackend(model / ONNX, spec.input.input_name), weights_sha256(model))


def _with_pauses(clip: Clip) -> bytes:
    waveform = decode(clip.path)
    sound = downmix(waveform.samples)[0]
    level = np.sqrt(np.mean(np.square(sound)))
    quarter = len(sound) // 4
    sound[len(sound) // 2 - quarter // 2 : len(sound) // 2 + quarter // 2] = 0
    noise = np.random.default_rng(0).standard_normal(len(sound)) * level * 10 ** (-15 / 20)
    file = io.BytesIO()
    soundfile.write(file, sound + noise, waveform.sample_rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


if __name__ == "__main__":
    main()
