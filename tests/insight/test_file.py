"""A file through a model: what was planted is found where it was planted, in every medium."""

import io
import json

import numpy as np
import pytest

from audiocnn import Classifier
from audiocnn.errors import AudioError, ConfigError, MediaError
from audiocnn.insight.envelope import envelope
from audiocnn.insight.file import MAX_COLUMNS, MAX_FEATURE_COLUMNS, view_file
from audiocnn.insight.subject import load_subject
from audiocnn.spec import ImageSpec, TaskSpec, VideoSpec, VolumeSpec
from tests.audio_files import music, silence, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.insight.planted import HIGH_HZ, LABELS, LOW_HZ, RATE, brightness_detector, tone_detector, tones


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    return load_subject(tone_detector(tmp_path_factory.mktemp("tones")))


def test_of_several_tasks_the_main_one_is_shown(tmp_path):
    side = {"kind": TaskSpec("binary", ("no", "yes")), "mood": TaskSpec("multi_label", ("calm", "tense"))}
    model = write_model(tmp_path, tiny_spec(side_tasks=side))
    sound = wav_bytes(music(1))
    view = view_file(load_subject(model), sound)
    scores = {p.label: p.score for p in Classifier.load(model).classify(sound).predictions}
    assert len(view.labels) == len(view.activations) == 4
    assert dict(zip(view.labels, view.scores, strict=True)) == pytest.approx(scores, abs=1e-4)


@pytest.fixture(scope="module")
def two_tones(detector):
    """Ten seconds, the low tone from 2.0 to 2.5 s, the high one from 6.3 to 6.6 s."""
    return view_file(detector, wav_bytes(tones(10, (LOW_HZ, 2.0, 2.5), (HIGH_HZ, 6.3, 6.6)), RATE))


def test_each_class_fires_where_its_tone_is_and_nowhere_else(two_tones):
    times_s, curves = two_tones.times_s(), two_tones.curves()
    for label, (start_s, end_s) in enumerate([(2.0, 2.5), (6.3, 6.6)]):
        inside = (times_s > start_s + 0.02) & (times_s < end_s - 0.02)
        outside = (times_s < start_s - 0.05) | (times_s > end_s + 0.05)
        assert curves[label, inside].min() > 5 * curves[label, outside].max()
        assert start_s < two_tones.strongest_s(label) < end_s
    assert times_s[0] == pytest.approx(10 / len(times_s) / 2)
    assert len(times_s) == 1250  # every 64 samples at 8 kHz


def test_scores_are_those_of_the_classifier(tiny_model, tmp_path):
    data = wav_bytes(music(3, 44_100, channels=2), 44_100)
    view = view_file(load_subject(tiny_model), data)
    result = Classifier.load(tiny_model).classify(data)
    scores = {p.label: p.score for p in result.predictions}
    assert dict(zip(view.labels, view.scores, strict=True)) == pytest.approx(scores, abs=1e-4)
    assert [view.labels[i] for i in view.ranked()] == [p.label for p in result.predictions]
    assert [(w.start_s, w.end_s) for w in view.windows] == [
        (s.segment.start_s, s.segment.end_s) for s in result.segments
    ]
    for window, segment in zip(view.windows, result.segments, strict=True):
        expected = {p.label: p.score for p in segment.predictions}
        assert dict(zip(view.labels, window.scores, strict=True)) == pytest.approx(expected, abs=1e-4)
    assert view.duration_s == pytest.approx(3)


def test_a_finer_hop_gives_more_windows_and_sharper_window_scores(detector):
    data = wav_bytes(tones(4, (HIGH_HZ, 2.0, 2.2)), RATE)
    view = view_file(detector, data, hop_s=0.1)
    assert len(view.windows) == 31
    heard = [(w.start_s, w.end_s) for w in view.windows if w.scores[1] > 0.6]
    assert heard
    assert all(start <= 2.2 and end >= 2.0 for start, end in heard)


def test_silent_windows_have_no_score_and_silence_no_activation(tmp_path):
    subject = load_subject(tone_detector(tmp_path, silence_db=-50.0, hop=RATE))
    samples = tones(6, (LOW_HZ, 0.2, 0.8), (LOW_HZ, 4.2, 4.8))
    view = view_file(subject, wav_bytes(samples, RATE))
    assert [w.scores is None for w in view.windows] == [False, True, True, True, False, True]
    silent = np.isnan(view.curves()[0])
    times_s = view.times_s()
    assert silent[(times_s > 1.1) & (times_s < 3.9)].all()
    assert not silent[times_s < 1].any()
    assert json.dumps(view.to_json(), allow_nan=False)
    assert [w["scores"] is None for w in view.to_json()["windows"]] == [False, True, True, True, False, True]


def test_a_file_of_nothing_but_silence_says_so(detector):
    view = view_file(detector, wav_bytes(silence(3, RATE), RATE))
    assert (view.scores, view.features, view.ranked(), view.strongest_s(0)) == (None, (), [0, 1], None)
    assert "silence has no label" in view.warnings[0]
    assert np.isnan(view.curves()).all()
    assert view.to_json()["scores"] is None


def test_sound_shorter_than_a_window_is_shown_for_as_long_as_it_lasts(detector):
    view = view_file(detector, wav_bytes(tones(0.4, (LOW_HZ, 0.2, 0.4)), RATE))
    assert view.duration_s == pytest.approx(0.4)
    assert view.curves()[0][view.times_s() > 0.22].min() > 5 * view.curves()[0][view.times_s() < 0.15].max()


def test_feature_maps_are_over_the_whole_file(detector):
    data = wav_bytes(tones(10, (LOW_HZ, 2.0, 2.5), (HIGH_HZ, 6.3, 6.6)), RATE)
    first, pooled = view_file(detector, data, ["features.0.conv", "features.3.pool"]).features
    assert (first.layer, first.values.shape, first.rms) == ("features.0.conv", (256, MAX_FEATURE_COLUMNS), True)
    times_s = (np.arange(MAX_FEATURE_COLUMNS) + 0.5) * 10 / MAX_FEATURE_COLUMNS
    assert 2.0 < times_s[first.values[0].argmax()] < 2.5
    assert 6.3 < times_s[pooled.values[1].argmax()] < 6.6
    assert first.to_json()["values"][0][0] == pytest.approx(first.values[0, 0], rel=1e-5)


def test_a_layer_as_coarse_as_the_columns_keeps_its_signs(detector):
    (feature,) = view_file(detector, wav_bytes(tones(1, (LOW_HZ, 0, 1)), RATE), ["features.2.conv"]).features
    assert (feature.rms, feature.values.shape[1]) == (True, MAX_FEATURE_COLUMNS)
    (feature,) = view_file(detector, wav_bytes(tones(1, (LOW_HZ, 0, 1)), RATE), ["features.3.pool"]).features
    assert (feature.rms, feature.values.shape[1]) == (False, 125)


def test_long_files_keep_a_bounded_number_of_columns(detector):
    data = wav_bytes(tones(25, (HIGH_HZ, 24.0, 24.5)), RATE)
    view = view_file(detector, data, ["features.0.act"])
    assert view.activations.shape[1] == MAX_COLUMNS
    assert view.features[0].values.shape[1] == MAX_FEATURE_COLUMNS
    assert 24.0 < view.strongest_s(1) < 24.5


def light(shape, start):
    """Black, but for a bright block of a third of each axis from `start` on."""
    values = np.zeros(shape, np.uint8)
    values[tuple(slice(at, at + length // 3) for at, length in zip(start, shape, strict=True))] = 255
    return values


def png(pixels):
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def video(frames, rate=10):
    av = pytest.importorskip("av")
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:], "gray"
        for pixels in frames:
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="gray")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()


def test_an_image_has_a_heat_map_where_the_light_is(tmp_path):
    spec = ImageSpec(96, 96, mean=0.0, deviation=1.0)
    view = view_file(load_subject(brightness_detector(tmp_path, spec)), png(light((96, 96), (44, 20))))
    assert (view.duration_s, view.windows, view.times_s(), view.strongest_s(0)) == (None, (), None, None)
    heat = view.activations[0]
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert 44 <= (row + 0.5) / heat.shape[0] * 96 <= 76
    assert 20 <= (column + 0.5) / heat.shape[1] * 96 <= 52
    assert heat[:3].max() < 0.01 * heat.max()
    assert view.activations[1] == pytest.approx(-heat)
    assert view.pictures.values.shape == (1, 96, 96, 1)
    assert (view.pictures.values[0, :, :, 0] == light((96, 96), (44, 20))).all()
    assert view.labels[view.ranked()[0]] == "bright"


def test_features_of_an_image_are_its_strongest_channels(tmp_path):
    spec = ImageSpec(64, 64, mean=0.0, deviation=1.0)
    view = view_file(
        load_subject(brightness_detector(tmp_path, spec)), png(light((64, 64), (10, 10))), ["features.4.act"]
    )
    (feature,) = view.features
    assert (len(feature.channels), feature.values.shape) == (16, (16, 9, 9))
    assert feature.channels[0] == 0  # the only one that is not 0 everywhere
    assert np.square(feature.values).sum(axis=(1, 2)).argmax() == 0


def test_a_volume_has_a_heat_map_in_depth_too(tmp_path):
    spec = VolumeSpec(48, 40, 40, mean=0.0, deviation=1.0)
    file = io.BytesIO()
    np.save(file, light((48, 40, 40), (30, 4, 20)))
    view = view_file(load_subject(brightness_detector(tmp_path, spec)), file.getvalue())
    heat = view.activations[0]
    depth, row, column = (np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5) / heat.shape
    assert (depth > 0.6, row < 0.5, column > 0.4) == (True, True, True)
    assert view.pictures.values.shape == (8, 40, 40, 1)
    assert view.duration_s is None
    lit = view.pictures.values.reshape(8, -1).max(axis=1) == 255
    assert (lit == (view.pictures.places > 0.62) & (view.pictures.places < 0.96)).all()


def test_a_video_has_curves_and_heat_maps_over_all_its_frames(tmp_path):
    spec = VideoSpec(frames=32, height=40, width=40, frame_rate=10, hop=16, mean=0.0, deviation=1.0)
    frames = np.zeros((96, 40, 40), np.uint8)
    frames[56:72, 20:36, 2:18] = 255
    view = view_file(load_subject(brightness_detector(tmp_path, spec)), video(frames))
    assert (view.duration_s, len(view.windows)) == (pytest.approx(9.6), 5)
    assert view.activations.ndim == 4
    assert 5.6 <= view.strongest_s(0) <= 7.2
    heat = view.activations[0, np.argmax(view.curves()[0])]
    row, column = (np.array(np.unravel_index(heat.argmax(), heat.shape)) + 0.5) / heat.shape
    assert (row > 0.5, column < 0.5) == (True, True)
    assert len(view.pictures.values) == 8
    assert (np.diff(view.pictures.places) > 0).all()
    lit = view.pictures.values.reshape(8, -1).max(axis=1) == 255
    assert (lit == (view.pictures.places * 9.6 > 5.6) & (view.pictures.places * 9.6 < 7.2)).all()
    assert lit.any()


def test_refuses_what_is_no_file_of_the_models_medium(detector, tmp_path):
    with pytest.raises(AudioError):
        view_file(detector, png(light((30, 30), (3, 3))))
    spec = ImageSpec(64, 64)
    subject = load_subject(brightness_detector(tmp_path, spec))
    with pytest.raises(MediaError):
        view_file(subject, wav_bytes(tones(1), RATE))
    with pytest.raises(ConfigError, match="a hop needs sound or video, and this model takes one image"):
        view_file(subject, png(light((30, 30), (3, 3))), hop_s=1)


def test_refuses_random_weights_unknown_layers_and_gaps_between_windows(detector):
    data = wav_bytes(tones(2), RATE)
    with pytest.raises(ConfigError, match="m5 has random weights"):
        view_file(load_subject("m5"), data)
    with pytest.raises(ConfigError, match="no layer called 'x' has a feature map"):
        view_file(detector, data, ["x"])
    with pytest.raises(ConfigError, match="hop must not exceed"):
        view_file(detector, data, hop_s=2)


def test_the_outline_of_a_sound_holds_its_extremes():
    samples = np.zeros((2, 5000))
    samples[:, 1234], samples[:, 4321] = 0.5, -0.25
    low, high = envelope(wav_bytes(samples, RATE), 100)
    assert (low.argmin(), high.argmax()) == (86, 24)
    assert (low.min(), high.max()) == pytest.approx((-0.25, 0.5), abs=1e-4)
    assert envelope(wav_bytes(samples[:, :10], RATE)).shape == (2, 10)


def test_labels_are_in_the_models_order(two_tones):
    assert two_tones.labels == LABELS
    body = two_tones.to_json()
    assert list(body["activation"]["labels"]) == list(LABELS)
    assert body["activation"]["labels"]["high"] == pytest.approx(two_tones.activations[1], rel=1e-4, abs=1e-9)
    assert body["activation"]["times_s"] == pytest.approx(two_tones.times_s(), abs=1e-4)
    assert body["audio"]["duration_s"] == 10
