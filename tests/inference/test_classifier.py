"""The classifier on whole files, with a tiny network of fixed random weights."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from audiocnn import checkpoint
from audiocnn.errors import (
    AudioError,
    AudioTooLargeError,
    CheckpointError,
    ConfigError,
    EmptyAudioError,
    FileTooLargeError,
    UnknownModelError,
)
from audiocnn.inference.classifier import BATCH, Classifier
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.limits import DecodeLimits
from audiocnn.waveform import Segment
from tests.audio_files import encoded, music, noise, silence, tone, wav_bytes
from tests.conftest import LABELS, tiny_spec
from tests.hostile import hostile_sounds


@pytest.fixture(scope="module")
def classifier(tiny_model):
    return Classifier.load(tiny_model)


def scores(predictions):
    """Scores in the order of the labels."""
    by_label = {p.label: p.score for p in predictions}
    return np.array([by_label[label] for label in LABELS])


def changing_sound(seconds=6):
    """Noise, music and tones in turn, so that segments get different scores."""
    parts = [noise(1), music(1), tone(300, 1), 0.1 * noise(1, seed=2), music(1, seed=3), tone(5000, 1)]
    return np.concatenate(parts[:seconds], axis=1)


class TestOneFile:
    def test_what_it_says_about_model_and_audio(self, classifier, tiny_model):
        result = classifier.classify(encoded(music(2.5, 44_100, channels=2), 44_100))
        assert (result.model.name, result.model.version) == ("tiny", "1.2.3")
        assert result.model.sha256 == checkpoint.weights_sha256(tiny_model)
        audio = result.media
        assert (audio.duration_s, audio.sample_rate, audio.channels, audio.format) == (2.5, 44_100, 2, "flac")
        assert result.warnings == ()
        assert result.timing.infer_ms > 0
        assert result.timing.decode_ms > 0

    def test_predictions_hold_every_label_best_first(self, classifier):
        result = classifier.classify(wav_bytes(music()))
        for predictions in [result.predictions, *(s.predictions for s in result.segments)]:
            assert {p.label for p in predictions} == set(LABELS)
            values = [p.score for p in predictions]
            assert values == sorted(values, reverse=True)
            assert sum(values) == pytest.approx(1, abs=1e-6)
            assert values[0] - values[-1] > 1e-3

    def test_clip_score_is_the_mean_over_segments(self, classifier):
        result = classifier.classify(wav_bytes(changing_sound()))
        assert len(result.segments) == 23 > 2 * BATCH
        table = np.stack([scores(s.predictions) for s in result.segments])
        assert np.ptp(table, axis=0).max() > 1e-3
        np.testing.assert_allclose(scores(result.predictions), table.mean(0), atol=1e-12)

    def test_segments_are_the_windows_in_time_order(self, classifier):
        result = classifier.classify(wav_bytes(noise(1.1)))
        assert [s.segment for s in result.segments] == [
            Segment(0, 8000, 16_000), Segment(4000, 12_000, 16_000), Segment(8000, 16_000, 16_000),
            Segment(9600, 17_600, 16_000),
        ]  # fmt: skip

    def test_a_segment_does_not_depend_on_its_neighbours(self, classifier):
        sound = changing_sound()
        whole = classifier.classify(wav_bytes(sound))
        for i in (0, 7, 8, 20):
            alone = classifier.classify(wav_bytes(sound[:, 4000 * i : 4000 * i + 8000]))
            np.testing.assert_allclose(scores(alone.predictions), scores(whole.segments[i].predictions), atol=1e-6)

    def test_bytes_path_and_string_agree(self, classifier, tmp_path):
        path = tmp_path / "sound.wav"
        path.write_bytes(wav_bytes(music()))
        answers = [classifier.classify(source) for source in (path.read_bytes(), path, str(path))]
        assert answers[0].predictions == answers[1].predictions == answers[2].predictions

    @pytest.mark.parametrize("num_samples", [2, 100, 7999, 8001])
    def test_any_length(self, classifier, num_samples):
        result = classifier.classify(wav_bytes(noise(1)[:, :num_samples]))
        assert len(result.predictions) == 4
        short = num_samples / 16_000 < classifier.spec.input.window / classifier.spec.input.sample_rate / 4
        assert ["do not rely on this answer" in warning for warning in result.warnings] == [True] * short
        assert result.segments[-1].segment.end == num_samples

    @pytest.mark.parametrize("gain", [0.05, 0.3, 1.9])
    def test_the_level_of_the_recording_does_not_matter(self, classifier, gain):
        plain, other = (classifier.classify(wav_bytes(g * music(), subtype="FLOAT")) for g in (1, gain))
        np.testing.assert_allclose(scores(other.predictions), scores(plain.predictions), atol=1e-4)

    def test_sample_rate_and_channels_of_the_file_hardly_matter(self, classifier):
        plain = classifier.classify(wav_bytes(music(2)))
        for sample_rate, channels in ((48_000, 1), (44_100, 2), (96_000, 6)):
            time = np.arange(2 * sample_rate) / sample_rate * 16_000
            sound = np.tile(np.interp(time, np.arange(32_000), music(2)[0]), (channels, 1))
            other = classifier.classify(wav_bytes(sound, sample_rate, "PCM_24"))
            np.testing.assert_allclose(scores(other.predictions), scores(plain.predictions), atol=0.1)


class TestSilence:
    def test_silent_segments_are_marked_and_do_not_vote(self, classifier):
        sound = np.concatenate([music(1), silence(2), 1e-4 * noise(1), noise(1)], axis=1)
        result = classifier.classify(wav_bytes(sound, subtype="PCM_24"))
        silent = [s for s in result.segments if s.silent]
        # Half-second windows every quarter of a second lie wholly between 1 and 4 s from the 5th to the 15th.
        assert [s.segment.start for s in silent] == [4000 * i for i in range(4, 15)]
        assert all(s.predictions == () for s in silent)
        heard = np.stack([scores(s.predictions) for s in result.segments if not s.silent])
        np.testing.assert_allclose(scores(result.predictions), heard.mean(0), atol=1e-12)
        after = classifier.classify(wav_bytes(sound[:, 60_000:68_000], subtype="PCM_24"))
        np.testing.assert_allclose(scores(result.segments[15].predictions), scores(after.predictions), atol=1e-6)
        assert result.warnings == ()

    @pytest.mark.parametrize("sound", [silence(2), 1e-4 * noise(2), silence(1)[:, :1]], ids=["zero", "faint", "short"])
    def test_nothing_but_silence_has_no_label(self, classifier, sound):
        result = classifier.classify(wav_bytes(sound, subtype="FLOAT"))
        assert result.predictions == ()
        assert all(s.silent for s in result.segments)
        assert result.warnings == ("no sound above -70 dB after mixing to mono: silence has no label",)
        assert result.to_json()["predictions"] == []


class TestTroubles:
    def test_cut_short_is_answered_with_a_warning(self, classifier):
        data = wav_bytes(music(2))
        result = classifier.classify(data[: 44 + 2 * 16_000])
        assert result.warnings == ("the file is cut short: its header promises 2.000 s, it holds 1.000 s",)
        assert result.media.duration_s == 1.0
        np.testing.assert_array_equal(
            scores(result.predictions), scores(classifier.classify(wav_bytes(music(2)[:, :16_000])).predictions)
        )

    def test_limits_are_passed_on(self, classifier):
        with pytest.raises(AudioTooLargeError, match=r"at most 1\.5 s"):
            classifier.classify(wav_bytes(music(2)), DecodeLimits(max_duration_s=1.5))
        with pytest.raises(FileTooLargeError, match="at most 10 bytes"):
            classifier.classify(wav_bytes(music(2)), DecodeLimits(max_bytes=10))

    def test_errors_leave_it_usable(self, classifier):
        before = classifier.classify(wav_bytes(music()))
        for file in hostile_sounds():
            with suppress(AudioError):
                classifier.classify(file.data, DecodeLimits(max_duration_s=1, max_decoded_bytes=100_000))
        assert classifier.classify(wav_bytes(music())).predictions == before.predictions

    def test_too_short_after_resampling(self, classifier):
        with pytest.raises(EmptyAudioError):
            classifier.classify(wav_bytes(tone()[:, :1], 384_000))


class TestLoading:
    def test_torch_and_onnx_agree(self, classifier, tiny_model):
        other = Classifier.load(tiny_model, backend="torch")
        for data in (wav_bytes(changing_sound()), encoded(music(2.2, 44_100), 44_100, "OGG"), wav_bytes(noise(0.1))):
            a, b = classifier.classify(data), other.classify(data)
            assert a.model == b.model
            np.testing.assert_allclose(scores(a.predictions), scores(b.predictions), atol=1e-5)
            for x, y in zip(a.segments, b.segments, strict=True):
                assert x.segment == y.segment
                np.testing.assert_allclose(scores(x.predictions), scores(y.predictions), atol=1e-5)

    def test_onnx_needs_no_weights_of_torch(self, tiny_model, classifier):
        assert Classifier.load(str(tiny_model), threads=2).info == classifier.info

    def test_unknown_names(self, tmp_path):
        with pytest.raises(UnknownModelError, match="no bundled model and no model directory is called 'jazz'"):
            Classifier.load("jazz")
        with pytest.raises(UnknownModelError):
            Classifier.load(tmp_path)

    def test_unknown_backend(self, tiny_model):
        with pytest.raises(ConfigError, match=r"^backend must be 'onnx' or 'torch', got 'tpu'$"):
            Classifier.load(tiny_model, backend="tpu")

    def test_missing_damaged_and_foreign_onnx_files(self, tiny_model, tmp_path):
        directory = shutil.copytree(tiny_model, tmp_path / "model")
        (directory / "model.onnx").write_bytes(b"not a model")
        with pytest.raises(CheckpointError, match="is not a model onnxruntime can run"):
            Classifier.load(directory)
        (directory / "model.onnx").unlink()
        with pytest.raises(CheckpointError, match=r"expected an ONNX model at .* write it with: audiocnn export"):
            Classifier.load(directory)
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "foreign", [x], [y])
        opsets = [helper.make_opsetid("", 18)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), directory / "model.onnx")
        with pytest.raises(CheckpointError, match=r"must take 'waveform' and give 'logits', it has x, y;"):
            OnnxBackend(directory / "model.onnx", "waveform")

    def test_a_device_that_is_not_there(self, tiny_model):
        with pytest.raises(ConfigError, match="device must be one of cpu, cuda, auto, got 'tpu'"):
            Classifier.load(tiny_model, device="tpu")
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            with pytest.raises(ConfigError, match="device 'cuda' needs an NVIDIA GPU"):
                Classifier.load(tiny_model, device="cuda")
        with pytest.raises(ConfigError, match="device 'auto' is for backend 'onnx'"):
            Classifier.load(tiny_model, backend="torch", device="auto")

    def test_auto_runs_where_it_can(self, tiny_model):
        sound = wav_bytes(noise(1.1))
        auto, cpu = (Classifier.load(tiny_model, device=device).classify(sound) for device in ("auto", "cpu"))
        assert [p.label for p in auto.predictions] == [p.label for p in cpu.predictions]

    def test_files_that_do_not_fit_together(self, tiny_model):
        class Wrong:
            def __call__(self, windows):
                return np.zeros((len(windows), 3), np.float32)

        class Broken:
            def __call__(self, windows):
                return np.full((len(windows), 4), np.nan, np.float32)

        for backend in (Wrong(), Broken()):
            broken = Classifier(checkpoint.read_spec(tiny_model), backend, "0" * 64)
            with pytest.raises(CheckpointError, match="its files do not fit together"):
                broken.classify(wav_bytes(music(1)))


def test_threads_share_one_classifier(classifier):
    files = [wav_bytes(np.concatenate([noise(0.3 * (i % 5 + 1), seed=i), music(1, seed=i)], axis=1)) for i in range(12)]
    files += [encoded(music(1.0, 44_100, seed=i), 44_100, "FLAC") for i in range(4)]
    alone = [classifier.classify(data) for data in files]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(classifier.classify, files * 3))
    for result, expected in zip(together, alone * 3, strict=True):
        assert result.predictions == expected.predictions
        assert result.segments == expected.segments


class TestMultiLabel:
    def test_labels_are_scored_each_for_itself(self, tiny_multi_label_model):
        classifier = Classifier.load(tiny_multi_label_model)
        result = classifier.classify(wav_bytes(changing_sound()))
        network = checkpoint.load_network(tiny_multi_label_model)[1]
        window = changing_sound()[:, :8000].astype(np.float32)
        with torch.inference_mode():
            logits = network(torch.from_numpy(window / np.sqrt(np.mean(window**2)))[None])
        np.testing.assert_allclose(scores(result.segments[0].predictions), torch.sigmoid(logits)[0].numpy(), atol=1e-3)
        assert sum(p.score for p in result.predictions) != pytest.approx(1, abs=1e-3)


class TestJson:
    def test_shape(self, classifier):
        body = classifier.classify(wav_bytes(np.concatenate([music(0.5), silence(0.5)], axis=1))).to_json(segments=True)
        assert list(body) == ["model", "audio", "predictions", "labels", "segments", "warnings", "timing_ms"]
        assert body["labels"] == [body["predictions"][0]["label"]]
        assert body["audio"] == {"duration_s": 1.0, "sample_rate": 16_000, "channels": 1, "format": "wav"}
        assert [(s["start_s"], s["end_s"], s["silent"]) for s in body["segments"]] == [
            (0.0, 0.5, False),
            (0.25, 0.75, False),
            (0.5, 1.0, True),
        ]
        assert body["segments"][2]["predictions"] == []

    def test_top_k_and_threshold(self, classifier):
        result = classifier.classify(wav_bytes(music()))
        assert "segments" not in result.to_json()
        everything = result.to_json()["predictions"]
        assert len(everything) == 4
        assert result.to_json(top_k=2)["predictions"] == everything[:2]
        assert result.to_json(top_k=0)["predictions"] == []
        least = (result.predictions[1].score + result.predictions[2].score) / 2
        assert result.to_json(threshold=least)["predictions"] == everything[:2]
        assert result.to_json(threshold=least, top_k=1)["predictions"] == everything[:1]


def test_the_specification_is_read_and_not_assumed(tiny_model, tmp_path):
    """Window, hop and labels come from the model's file."""
    backend = OnnxBackend(tiny_model / "model.onnx", "waveform")
    spec = tiny_spec()
    wide = Classifier(tiny_spec(input=type(spec.input)(8000, 4000, 4000, "peak", "pad")), backend, "0" * 64)
    result = wide.classify(wav_bytes(noise(1.1)))
    assert [s.segment for s in result.segments] == [
        Segment(0, 4000, 8000),
        Segment(4000, 8000, 8000),
        Segment(8000, 8800, 8000),
    ]
