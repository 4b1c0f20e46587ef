"""Validation during training measures what the finished model does: the same windows vote, silent clips included."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from numpy.typing import NDArray

from audiocnn.checkpoint import read_spec
from audiocnn.export import export_onnx
from audiocnn.inference.classifier import Classifier
from audiocnn.inference.silence import SilenceDetector
from audiocnn.prepared import Window
from audiocnn.spec import AudioSpec
from tests.training.conftest import SAMPLE_RATE
from tests.training.test_train import TOML, rows, run
from training.cli import commands
from training.config import Config, DataConfig, load_config
from training.data.manifest import read_clips
from training.data.split import split_clips
from training.evaluate import predict
from training.metrics import measure


def test_validation_agrees_with_the_classifier_on_the_same_clips(
    with_train: Callable[..., Config], data: Path, tmp_path: Path
) -> None:
    config = with_train(epochs=1)
    config = replace(config, data=replace(config.data, validation=0.25))
    model = run(config, data, tmp_path / "run")
    export_onnx(model)
    split = split_clips(read_clips(data, config.data), test_fold=None, validation=0.25, seed=config.seed)
    scores, targets, task = predict(model, split.validation)
    stored = read_spec(model).metrics["validation"]
    assert measure(scores, targets, task, {})["loss"] == pytest.approx(stored["loss"], abs=2e-3)  # the cache is int16


def test_validation_leaves_out_the_pauses_the_classifier_leaves_out(config: Config, tmp_path: Path) -> None:
    """Four clips with a noisy pause in the middle."""
    random, time = np.random.default_rng(0), np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    for label, hz in (("high", 1200.0), ("low", 300.0)):
        (tmp_path / "clips" / label).mkdir(parents=True)
        for i in range(2):
            beats = np.sin(2 * np.pi * hz * time) * (time % 0.25 < 0.12) * ((time < 2) | (time > 6))
            sound = 0.3 * beats + 0.02 * random.standard_normal(len(time))
            soundfile.write(tmp_path / "clips" / label / f"{i}.wav", sound, SAMPLE_RATE)
    losses = {}
    for rule in ("level", "detector"):
        spec = replace(config.input, window=16_000, hop=8000, silence=rule)
        ruled = replace(config, input=spec, data=DataConfig(validation=0.5), train=replace(config.train, epochs=1))
        model = run(ruled, tmp_path / "clips", tmp_path / rule)
        export_onnx(model)
        clips = read_clips(tmp_path / "clips", ruled.data)
        split = split_clips(clips, test_fold=None, validation=0.5, seed=ruled.seed)
        left_out = [segment.silent for segment in Classifier.load(model).classify(split.validation[0].path).segments]
        assert any(left_out) == (rule == "detector")
        scores, targets, task = predict(model, split.validation)
        losses[rule] = read_spec(model).metrics["validation"]["loss"]
        assert measure(scores, targets, task, {})["loss"] == pytest.approx(losses[rule], abs=1e-4)
    assert abs(losses["level"] - losses["detector"]) > 1e-3


def test_validation_and_evaluate_give_the_same_figures_with_a_silent_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip of each label in the validation split is silent, one other has a pause."""
    random, seconds = np.random.default_rng(0), np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    lines = ["path,label,split"]
    for label, hz in (("high", 1200.0), ("low", 300.0)):
        for i in range(6):
            sound = 0.3 * np.sin(2 * np.pi * hz * seconds) + 0.02 * random.standard_normal(len(seconds))
            sound *= (i != 4) * (1 if i != 5 else np.where(seconds < 1, 1.0, 0.1))
            soundfile.write(tmp_path / f"{label}-{i}.wav", sound, SAMPLE_RATE, subtype="PCM_16")
            lines.append(f"{label}-{i}.wav,{label},{'train' if i < 3 else 'validation'}")
    (tmp_path / "clips.csv").write_text("\n".join(lines))
    asked: list[int] = []
    find = SilenceDetector.background

    def counted(detector: SilenceDetector, windows: Sequence[Window], spec: AudioSpec) -> NDArray[np.bool_]:
        asked.append(len(windows))
        return find(detector, windows, spec)

    monkeypatch.setattr(SilenceDetector, "background", counted)
    recipe = TOML.replace('fold = "fold"\ngroup = "artist"', 'split = "split"')
    (tmp_path / "run.toml").write_text(recipe.replace("[input]", '[input]\nsilence = "detector"'))
    export_onnx(run(load_config(tmp_path / "run.toml"), tmp_path, tmp_path / "run"))
    assert sum(asked) == 6  # windows that lie in pauses, of 28 that are not silent
    named = ["--data", str(tmp_path), "--model", str(tmp_path / "run" / "model"), "--split", "validation"]
    done = CliRunner().invoke(commands, ["evaluate", str(tmp_path / "run.toml"), *named])
    assert done.exit_code == 0, done.output
    measured, validated = json.loads(done.stdout), rows(tmp_path / "run")[0]["validation"]
    del measured["calibration"]
    assert (measured["clips"], measured["unanswered"]) == (6, 2)
    assert validated == {**measured, "loss": pytest.approx(measured["loss"], abs=2e-3)}  # the cache is int16
