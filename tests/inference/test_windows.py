"""Other windows than the model's own, live sound, and the network alone."""

import numpy as np
import pytest

from audiocnn import Classifier, checkpoint
from audiocnn.audio.reader import AudioReader
from audiocnn.errors import ConfigError, NonFiniteAudioError, WindowError
from audiocnn.inference.classifier import LIVE_WINDOWS
from audiocnn.limits import DecodeLimits
from audiocnn.spec import AudioSpec, ImageSpec, VideoSpec, recut
from tests.audio_files import music, noise, silence, wav_bytes
from tests.conftest import tiny_spec, write_model

SPEC = AudioSpec(sample_rate=16_000, window=8000, hop=4000)
CLIP = VideoSpec(frames=16, height=32, width=32, frame_rate=15, hop=8)


@pytest.fixture(scope="module")
def classifier(tiny_model):
    return Classifier.load(tiny_model)


class TestRecut:
    def test_nothing_asked_changes_nothing(self):
        assert recut(SPEC) is SPEC
        assert recut(ImageSpec(32, 32)) == ImageSpec(32, 32)

    @pytest.mark.parametrize(
        ("asked", "window", "hop"),
        [
            ({"window_s": 1}, 16_000, 8000),
            ({"hop_s": 0.1}, 8000, 1600),
            ({"window_s": 0.25, "hop_s": 0.25}, 4000, 4000),
            ({"window_s": 4}, 64_000, 32_000),
            ({"window_s": 0.0625}, 1000, 500),
            ({"hop_s": 0.03125}, 8000, 500),
        ],
    )
    def test_seconds_become_samples(self, asked, window, hop):
        cut = recut(SPEC, **asked)
        assert (cut.window, cut.hop, cut.sample_rate, cut.tail) == (window, hop, 16_000, "shift")

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"window_s": 4.01}, r"window_s must lie between 0.0625 and 4"),
            ({"window_s": 0.06}, r"trained on 0.5, got 0.06"),
            ({"window_s": 0}, r"window_s must be a finite number of seconds above 0, got 0"),
            ({"window_s": float("nan")}, "window_s must be a finite"),
            ({"window_s": 1.2e308}, "window_s must be a finite"),
            ({"hop_s": float("inf")}, "hop_s must be a finite"),
            ({"hop_s": 0.51}, r"hop_s must lie between 0.03125 and 0.5 for windows of 0.5 s, got 0.51"),
            ({"hop_s": 0.031}, "hop_s must lie between"),
            ({"hop_s": 1e-9}, "hop_s must lie between"),
        ],
    )
    def test_what_does_not_fit_is_told(self, asked, message):
        with pytest.raises(WindowError, match=message):
            recut(SPEC, **asked)

    def test_video_keeps_its_window(self):
        assert recut(CLIP, hop_s=4 / 15).hop == 4
        assert recut(CLIP, window_s=16 / 15).frames == 16
        with pytest.raises(WindowError, match="exactly 16 frames"):
            recut(CLIP, window_s=2)

    def test_pictures_have_no_time(self):
        with pytest.raises(WindowError, match="image input, which has no time"):
            recut(ImageSpec(32, 32), hop_s=1)


class TestClassify:
    @pytest.mark.parametrize("window_s", [0.0625, 0.3, 1.7, 4.0])
    def test_a_network_answers_for_other_lengths_as_torch_does(self, classifier, tiny_model, window_s):
        sound = wav_bytes(music(5.0))
        torch = Classifier.load(tiny_model, backend="torch")
        found = classifier.classify(sound, window_s=window_s)
        expected = torch.classify(sound, window_s=window_s)
        assert len(found.segments) == len(expected.segments)
        assert found.segments[0].segment.num_samples == round(16_000 * window_s)
        for one, other in zip(found.segments, expected.segments, strict=True):
            scores = {p.label: p.score for p in other.predictions}
            assert {p.label: p.score for p in one.predictions} == pytest.approx(scores, abs=1e-4)

    def test_a_hop_gives_more_answers(self, classifier):
        starts = [s.segment.start for s in classifier.classify(wav_bytes(music(2)), hop_s=0.125).segments]
        assert starts == list(range(0, 24_001, 2000))

    def test_the_models_own_windows_change_nothing(self, classifier):
        sound = wav_bytes(music(2))
        assert classifier.classify(sound, window_s=0.5, hop_s=0.25).segments == classifier.classify(sound).segments

    def test_a_network_of_one_length_says_so(self, tmp_path):
        model = write_model(tmp_path, tiny_spec())
        backend = Classifier.load(model)

        def of_one_length(windows):
            if windows.shape[2] != 8000:
                raise RuntimeError("invalid dimensions")
            return np.zeros((len(windows), 4), np.float32)

        fixed = Classifier(backend.spec, of_one_length, "")
        assert len(fixed.classify(wav_bytes(music(2))).predictions) == 4
        with pytest.raises(WindowError, match="does not take windows of that length"):
            fixed.classify(wav_bytes(music(2)), window_s=1)

    def test_the_bundled_model_takes_other_windows(self):
        result = Classifier.load("genre").classify(wav_bytes(music(6)), window_s=2, hop_s=1)
        assert len(result.segments) == 5
        assert len(result.predictions) == 4

    def test_progress_is_told_and_may_end_the_call(self, classifier):
        told = []
        classifier.classify(wav_bytes(music(10)), progress=told.append)
        assert told == sorted(told)
        assert len(told) > 3
        assert told[-1] == 10.0

        def stop(heard_s):
            told.append(heard_s)
            raise KeyError("enough")

        told.clear()
        with pytest.raises(KeyError, match="enough"):
            classifier.classify(wav_bytes(music(10)), progress=stop)
        assert len(told) == 1


class Microphone(AudioReader):
    """Sound in blocks of odd lengths."""

    def __init__(self, sound, sample_rate=16_000):
        super().__init__(format="pcm", sample_rate=sample_rate, channels=1)
        self.sound = sound.astype(np.float32)

    def blocks(self):
        for start in range(0, self.sound.shape[1], 777):
            yield self.sound[:, start : start + 777]

    def close(self):
        pass


class TestLive:
    def test_windows_answer_as_those_of_a_file_do(self, classifier):
        sound = np.concatenate([noise(1), silence(1), music(1)], axis=1)
        live = [answer.segment for answer in classifier.live(Microphone(sound))]
        assert live == list(classifier.classify(wav_bytes(sound, subtype="FLOAT")).segments)
        assert [s.silent for s in live].count(True) == 3

    def test_the_rolling_answer_is_that_of_the_last_windows(self, classifier):
        sound = np.concatenate([noise(3), music(3)], axis=1)
        answers = list(classifier.live(Microphone(sound), hop_s=0.5))
        recent = sound[:, -LIVE_WINDOWS * 8000 :]
        expected = classifier.classify(wav_bytes(recent, subtype="FLOAT"), hop_s=0.5)
        assert answers[-1].labels == expected.labels
        assert {p.label: p.score for p in answers[-1].predictions} == pytest.approx(
            {p.label: p.score for p in expected.predictions}, abs=1e-6
        )
        assert answers[0].predictions == answers[0].segment.predictions
        assert list(answers[0].to_json(top_k=1)) == ["segment", "predictions", "labels"]
        assert len(answers[0].to_json(top_k=1)["predictions"]) == 1

    def test_limits_and_damage_end_it(self, classifier):
        with pytest.raises(Exception, match="at most 1 s"):
            list(classifier.live(Microphone(music(3)), DecodeLimits(max_duration_s=1)))
        sound = music(3)
        sound[0, 40_000] = np.nan
        answers = classifier.live(Microphone(sound))
        assert next(answers).segment.segment.start == 0
        with pytest.raises(NonFiniteAudioError):
            list(answers)


class TestInfer:
    def test_logits_are_those_of_the_network(self, classifier, tiny_model):
        values = np.random.default_rng(0).standard_normal((11, 1, 8000)).astype(np.float32)
        _, network = checkpoint.load_network(tiny_model)
        import torch

        with torch.inference_mode():
            expected = network(torch.from_numpy(values)).numpy()
        np.testing.assert_allclose(classifier.infer(values), expected, atol=1e-4)

    @pytest.mark.parametrize(
        "values",
        [
            np.zeros((1, 8000), np.float32),
            np.zeros((1, 1, 7999), np.float32),
            np.zeros((0, 1, 8000), np.float32),
            np.zeros((1, 1, 8000)),
            np.full((1, 1, 8000), np.nan, np.float32),
            np.full((1, 1, 8000), 1e30, np.float32),
        ],
    )
    def test_anything_else_is_refused(self, classifier, values):
        with pytest.raises(ConfigError, match="expected"):
            classifier.infer(values)
