"""A detector for each of several seeds: train, measure, save."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from audiocnn import checkpoint
from audiocnn.export import export_onnx
from audiocnn.inference.silence import SilenceDetector
from audiocnn.models.silence_detector import FRAME
from audiocnn.spec import AudioSpec, ModelSpec, TaskSpec
from audiocnn.waveform import Samples
from training.recordings import read_recordings
from training.silence.examples import SAMPLE_RATE, SILENT_DB
from training.silence.fit import fit
from training.silence.measure import (
    FRAMES,
    SNRS_DB,
    Decision,
    Quality,
    draw_scenes,
    measure,
    snr_name,
    tuned_rules,
)
from training.silence.music import piece

RESULTS = "silence.json"
_MUSIC, _VALIDATION, _TEST = 1000, 1001, 1002
"""Seeds of the computed music, the validation and the test windows: the same for every detector."""


def train_and_measure(
    data: Path,
    run: Path,
    *,
    corpora: Sequence[str],
    music: int,
    seeds: Sequence[int],
    steps: int,
    windows: int,
    licence: str,
) -> dict[str, list[Quality]]:
    """Train a detector for each seed, in `run/seed-0/model` and so on, and measure it against level thresholds.

    data: holds a folder for each of `corpora`. music: how many computed pieces to train with. steps: of 16 windows.
    windows: of 4 s, to test on. licence: of the weights. The results, by method, are in `run/silence.json` too.
    Raises what `read_recordings` and `export_onnx` raise.
    """
    recordings = read_recordings(data, corpora, SAMPLE_RATE)
    random = np.random.default_rng(_MUSIC)
    music_pieces = [piece(SAMPLE_RATE, random) for _ in range(music)]
    test = draw_scenes(recordings["test"], windows, _TEST)
    rules = tuned_rules(draw_scenes(recordings["validation"], windows, _VALIDATION))
    results: dict[str, list[Quality]] = {name: [measure(rule, test)] for name, rule in rules.items()}
    for seed in seeds:
        network = fit(recordings["train"] + music_pieces, steps=steps, seed=seed)
        directory = run / f"seed-{seed}" / "model"
        training = {
            "command": "python -m training silence",
            "corpora": list(corpora),
            "computed_music": music,
            "seed": seed,
            "steps": steps,
            "silent_db": SILENT_DB,
            "recordings": {part: len(found) for part, found in recordings.items()},
        }
        spec = _spec(licence, training)
        _save(directory, spec, network)
        quality = measure(partial(_decide, SilenceDetector.load(directory)), test)
        results.setdefault("detector", []).append(quality)
        f1 = {name: round(values["f1"], 3) for name, values in quality.items()}
        _save(directory, replace(spec, metrics={"silent_frames_f1": f1}), network)
    checkpoint.write_atomically(run / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    return results


def table(results: Mapping[str, Sequence[Quality]]) -> list[str]:
    """Precision, recall and F1 by noise level as lines of a Markdown table: mean and deviation over the seeds."""
    lines = [f"| silent frames | {' | '.join(map(snr_name, SNRS_DB))} |", "|" + "---|" * (len(SNRS_DB) + 1)]
    for name, runs in results.items():
        for metric in ("precision", "recall", "f1"):
            values = np.array([[run[snr_name(snr)][metric] for snr in SNRS_DB] for run in runs])
            spread = [f" ± {deviation:.3f}" if len(runs) > 1 else "" for deviation in values.std(axis=0)]
            cells = [f"{mean:.3f}{more}" for mean, more in zip(values.mean(axis=0), spread, strict=True)]
            lines.append(f"| {name}, {metric} | {' | '.join(cells)} |")
    return lines


def _decide(detector: SilenceDetector, windows: Samples) -> Decision:
    return detector.frames(windows, SAMPLE_RATE) > 0.5


def _save(directory: Path, spec: ModelSpec, network: nn.Module) -> None:
    checkpoint.save(directory, spec, network)
    export_onnx(directory)


def _spec(licence: str, training: Mapping[str, Any]) -> ModelSpec:
    window = FRAMES * FRAME
    return ModelSpec(
        name="silence",
        version="0",
        architecture="silence-detector",
        arguments={},
        input=AudioSpec(SAMPLE_RATE, window, window, normalisation="standardise"),
        task=TaskSpec("multi_label", ("silence",)),
        licence=licence,
        training=training,
    )
