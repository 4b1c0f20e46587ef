"""The bundled silence detector, and classifiers that leave out what it finds silent."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from audiocnn import checkpoint, pretrained
from audiocnn.errors import CheckpointError, ConfigError, UnknownModelError
from audiocnn.inference.classifier import BATCH, Classifier
from audiocnn.inference.silence import NEARLY_ALL, QUIETER_DB, SilenceDetector, background_rule, quieter
from audiocnn.inference.votes import WAITING, Background, Heard, nothing_but_background, votes
from audiocnn.prepared import Window
from audiocnn.spec import AudioSpec, ModelSpec
from audiocnn.waveform import Segment
from tests.audio_files import music, noise, silence, tone, wav_bytes
from tests.conftest import tiny_spec, write_model

SPEC = AudioSpec(sample_rate=16_000, window=32_000, hop=16_000, silence="detector")


@pytest.fixture(scope="module")
def detector():
    return SilenceDetector.load()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of windows of 2 s every second that leaves out what the detector finds silent."""
    return write_model(tmp_path_factory.mktemp("detecting"), tiny_spec(input=SPEC))


@pytest.fixture(scope="module")
def by_level(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("by-level"), tiny_spec(input=replace(SPEC, silence="level")))


def phrases(seconds, seed=0):
    """Notes of a quarter of a second, from 200 to 1200 Hz, that start at once and die away."""
    random = np.random.default_rng(seed)
    time = np.arange(4000) / 16_000
    notes = [np.sin(2 * np.pi * hz * time) * np.exp(-6 * time) for hz in random.uniform(200, 1200, 4 * seconds)]
    return np.concatenate(notes)[np.newaxis].astype(np.float32)


def with_noise(sound, snr_db=15.0, seed=3):
    level = np.sqrt(np.mean(np.square(sound[sound != 0]))) * 10 ** (-snr_db / 20)
    return (sound + level * np.random.default_rng(seed).standard_normal(sound.shape)).astype(np.float32)


def window_of(samples, num_samples=None):
    return Window(samples.astype(np.float32), Segment(0, num_samples or samples.shape[1], 16_000))


class TestFrames:
    def test_finds_a_gap_under_noise(self, detector):
        sound = with_noise(np.concatenate([phrases(1), silence(1), phrases(1, seed=1)], axis=1))
        likelihoods = detector.frames(sound, 16_000)[0]
        assert likelihoods.shape == (150,)
        assert likelihoods.min() >= 0
        assert likelihoods.max() <= 1
        assert (likelihoods[55:95] > 0.5).mean() > 0.9
        assert (likelihoods[:45] > 0.5).mean() < 0.2
        assert (likelihoods[105:] > 0.5).mean() < 0.2

    def test_level_and_constant_offset_do_not_matter(self, detector):
        sound = with_noise(np.concatenate([phrases(1), silence(1)], axis=1))
        plain = detector.frames(sound, 16_000)
        for other in (0.01 * sound, 20 * sound, 0.02 * sound + np.float32(0.5)):
            np.testing.assert_allclose(detector.frames(other, 16_000), plain, atol=2e-3)

    def test_windows_of_a_batch_do_not_meet(self, detector):
        sounds = np.concatenate([phrases(1), noise(1), silence(1)]).astype(np.float32)
        alone = np.concatenate([detector.frames(sound[np.newaxis], 16_000) for sound in sounds])
        np.testing.assert_allclose(detector.frames(sounds, 16_000), alone, atol=1e-4)

    @pytest.mark.parametrize("sample_rate", [8000, 22_050, 44_100])
    def test_other_sample_rates_are_converted(self, detector, sample_rate):
        time = np.arange(2 * sample_rate) / sample_rate
        sound = (np.sin(2 * np.pi * 440 * time) * (time % 1 < 0.5))[np.newaxis].astype(np.float32)
        silent = detector.frames(sound, sample_rate)[0] > 0.5
        assert len(silent) == 100
        assert silent[28:47].all()
        assert not silent[3:22].any()

    def test_loads_no_torch(self):
        code = (
            "import sys, numpy as np; from audiocnn.inference.silence import SilenceDetector; "
            "SilenceDetector.load().frames(np.zeros((1, 16000), np.float32), 16000); print('torch' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"

    def test_is_small(self):
        directory = pretrained.resolve("silence")
        assert sum((directory / name).stat().st_size for name in (checkpoint.WEIGHTS, checkpoint.ONNX)) < 120_000

    def test_refuses_models_that_answer_for_no_frames(self, tiny_model):
        with pytest.raises(CheckpointError, match="must take 'waveform' and give 'frames', it has waveform, logits"):
            SilenceDetector.load(tiny_model)
        with pytest.raises(UnknownModelError):
            SilenceDetector.load("quiet")


class TestBackground:
    def test_noise_is_and_sound_is_not(self, detector):
        windows = [window_of(sound) for sound in (noise(2), phrases(2), with_noise(phrases(2)), silence(2))]
        assert detector.background(windows, SPEC).tolist() == [True, False, False, True]
        assert detector.background([], SPEC).tolist() == []

    @pytest.mark.parametrize("sample_rate", [8000, 44_100])
    def test_noise_of_recordings_at_other_rates_is_background(self, detector, sample_rate):
        """At 8 kHz nothing lies above 4 kHz, which is no sound's doing."""
        spec = AudioSpec(sample_rate, 4 * sample_rate, 4 * sample_rate)
        hiss = noise(4, sample_rate).astype(np.float32)
        assert detector.background([Window(hiss, Segment(0, hiss.shape[1], sample_rate))], spec)[0]

    def test_a_little_sound_counts(self, detector):
        sound = with_noise(np.concatenate([silence(1), phrases(1)[:, :4000], silence(0.75)], axis=1), 20)
        assert not detector.background([window_of(sound)], SPEC)[0]
        assert NEARLY_ALL > 0.9

    def test_padding_is_not_silence(self, detector):
        sound = np.concatenate([phrases(1), silence(1)], axis=1)[:, :32_000].copy()
        sound[:, 960:] = 0
        padded = window_of(sound, 960)
        assert not detector.background([padded], SPEC)[0]

    def test_only_models_that_ask_for_it_have_the_rule(self):
        windows = [window_of(noise(2)), window_of(phrases(2))]
        assert background_rule(SPEC)(windows).tolist() == [True, False]
        assert background_rule(replace(SPEC, silence="level")) is None


class Asked:
    """A rule that calls quiet windows background, and counts the questions."""

    def __init__(self, threshold=0.5):
        self.asked = 0
        self._threshold = threshold

    def __call__(self, windows):
        self.asked += len(windows)
        return np.array([np.abs(window.values).max() < self._threshold for window in windows])


def heard_of(values, levels_db, rule):
    """What was heard in windows of these values; a window of None was silent."""
    return [
        Heard(None, level_db, None, background=False)
        if value is None
        else Heard(None, level_db, np.array([value]), Background(window_of(np.full((1, 10), value)), rule))
        for value, level_db in zip(values, levels_db, strict=True)
    ]


class TestVotes:
    def test_background_well_below_the_loudest_window_is_left_out_and_nothing_else(self):
        values = [0.1, 0.9, 0.2, 0.3, 0.8, 0.4, None]
        heard = heard_of(values, [-30.0, -10.0, -16.1, -15.9, -60.0, -np.inf, -5.0], Asked())
        assert QUIETER_DB == 6
        assert votes(heard) == [None, 0.9, None, 0.3, 0.8, None, None]

    def test_the_loudest_window_always_votes(self):
        assert quieter(np.array([-20.0, -50.0])).tolist() == [False, True]
        assert quieter(np.array([-80.0])).tolist() == [False]
        assert quieter(np.empty(0)).tolist() == []

    def test_only_what_could_be_left_out_is_asked_about_and_once(self):
        rule = Asked()
        heard = heard_of([0.9, 0.1, 0.9, 0.1], [-10.0, -30.0, -12.0, -13.0], rule)
        assert votes(heard) == [0.9, None, 0.9, 0.1]
        assert rule.asked == 1
        assert votes(heard) == [0.9, None, 0.9, 0.1]
        assert rule.asked == 1

    def test_nothing_but_background_is_asked_until_there_is_sound(self):
        rule = Asked()
        assert not nothing_but_background(heard_of([None, 0.1, 0.9, 0.1, 0.1], [-10.0] * 5, rule))
        assert rule.asked == 2
        assert nothing_but_background(heard_of([None, 0.1, 0.2], [-10.0] * 3, Asked()))
        assert not nothing_but_background(heard_of([None], [-10.0], Asked()))
        assert not nothing_but_background([])


class TestClassifier:
    def test_noisy_pauses_do_not_vote(self, model, by_level):
        sound = with_noise(np.concatenate([phrases(4), silence(4), phrases(2, seed=5)], axis=1))
        result = Classifier.load(model).classify(wav_bytes(sound))
        every = Classifier.load(by_level).classify(wav_bytes(sound))
        assert [s.silent for s in result.segments] == [start in (4, 5, 6) for start in range(9)]
        assert not any(s.silent for s in every.segments)
        voted = [s for s, with_it in zip(every.segments, result.segments, strict=True) if not with_it.silent]
        for label in (p.label for p in result.predictions):
            mean = np.mean([next(p.score for p in s.predictions if p.label == label) for s in voted])
            assert next(p.score for p in result.predictions if p.label == label) == pytest.approx(mean, abs=1e-9)
        assert all(s.predictions == () for s in result.segments if s.silent)
        assert result.warnings == ()

    def test_a_file_of_noise_is_answered_with_a_warning(self, model, by_level):
        data = wav_bytes(noise(6))
        result, every = Classifier.load(model).classify(data), Classifier.load(by_level).classify(data)
        assert result.predictions == every.predictions
        assert result.segments == every.segments
        assert [s.silent for s in result.segments] == [False] * 5
        assert result.warnings == (
            "the silence detector hears nothing but background noise: do not rely on this answer",
        )
        assert every.warnings == ()

    def test_what_is_as_loud_as_the_sound_votes(self, model):
        tune, hiss = phrases(4), noise(4, peak=1)
        for gain, silent in ((1.0, False), (0.1, True)):
            level = gain * np.sqrt(np.mean(np.square(tune)) / np.mean(np.square(hiss)))
            result = Classifier.load(model).classify(wav_bytes(0.3 * np.concatenate([tune, level * hiss], axis=1)))
            assert [s.silent for s in result.segments][:3] == [False] * 3
            assert [s.silent for s in result.segments][4:] == [silent] * 3

    def test_a_late_loud_passage_makes_what_came_before_it_background(self, model):
        """Also what came so long before it that it was not kept."""
        seconds = WAITING * BATCH + 20
        hiss, tune = noise(seconds, peak=0.02), phrases(4)
        result = Classifier.load(model).classify(wav_bytes(0.3 * np.concatenate([hiss, tune], axis=1)))
        silent = [s.silent for s in result.segments]
        assert silent == [True] * (seconds - 1) + [False] * 4

    def test_steady_sound_asks_the_detector_once(self, model, monkeypatch):
        asked = []
        background = SilenceDetector.background
        monkeypatch.setattr(
            SilenceDetector, "background", lambda *given, **named: asked.append(1) or background(*given, **named)
        )
        Classifier.load(model).classify(wav_bytes(phrases(20)))
        assert len(asked) == 1

    def test_digital_silence_stays_with_the_level_rule(self, model):
        result = Classifier.load(model).classify(wav_bytes(silence(4)))
        assert result.predictions == ()
        assert result.warnings == ("no sound above -70 dB after mixing to mono: silence has no label",)

    def test_torch_leaves_out_the_same(self, model):
        data = wav_bytes(with_noise(np.concatenate([phrases(2), silence(3)], axis=1)))
        onnx, torch = (Classifier.load(model, backend=name).classify(data) for name in ("onnx", "torch"))
        assert [s.silent for s in onnx.segments] == [s.silent for s in torch.segments] == [False, False, True, True]

    def test_the_detector_itself_is_a_model_like_others(self):
        scores = [
            Classifier.load("silence").classify(wav_bytes(sound)).predictions[0]
            for sound in (noise(4), tone(500, 4) * (np.arange(64_000) % 8000 < 4000), phrases(4))
        ]
        assert [p.label for p in scores] == ["silence"] * 3
        assert scores[0].score > 0.9
        assert scores[2].score < 0.5


class TestSpec:
    def test_old_configurations_keep_the_level_rule(self):
        data = tiny_spec().to_json()
        del data["input"]["silence"]
        assert ModelSpec.from_json(data).input.silence == "level"
        data["input"]["silence"] = "detector"
        assert ModelSpec.from_json(data).input.silence == "detector"

    def test_refuses_another_rule(self):
        with pytest.raises(ConfigError, match=r"^silence must be one of level, detector, got 'off'$"):
            AudioSpec(16_000, 8000, 4000, silence="off")


def test_music_is_sound(detector):
    assert not detector.background([window_of(music(2))], SPEC)[0]
