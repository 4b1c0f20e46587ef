"""The plots: what is drawn, in which order, and what the labels say."""

import io
import re

import numpy as np
import pytest

from audiocnn.insight.file import view_file
from audiocnn.insight.filters import Filters, frequency_responses
from audiocnn.insight.subject import load_subject
from audiocnn.plots.figure import to_svg, write_png
from audiocnn.plots.file import draw_features, draw_heat, draw_timeline
from audiocnn.plots.filters import MOST, draw_frequencies, draw_tiles, draw_waves
from audiocnn.spec import ImageSpec, VolumeSpec
from tests.audio_files import wav_bytes
from tests.insight.planted import HIGH_HZ, LOW_HZ, RATE, brightness_detector, tone_detector, tones


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text()]


def waves(*hertz):
    times = np.arange(256) / 16_000
    waves = np.stack([np.hanning(256) * np.sin(2 * np.pi * f * times) for f in hertz])
    weights = waves[:, np.newaxis].astype(np.float32)
    return Filters("first.conv", weights, True), frequency_responses(weights, 16_000)


def test_waves_are_drawn_by_centre_frequency():
    made = draw_waves(*waves(3000, 1000, 2000))
    words = texts(made)
    assert [word for word in words if word.endswith("Hz")] == ["1.00 kHz", "2.00 kHz", "3.00 kHz"]
    assert "the 3 filters of first.conv" in words
    assert any("gain over frequency in kHz" in word and "256 samples, 16 ms" in word for word in words)
    # The last of the lines is the third response: as far to the right as the third cell.
    gains = made.axes[0].collections[-1].get_segments()
    assert [segment[segment[:, 1].argmax(), 0] % 1.12 * 8 for segment in gains] == pytest.approx([1, 2, 3], abs=0.05)


def test_a_picture_becomes_a_file_on_white_and_a_part_of_a_page(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    made = draw_frequencies(*waves(3000, 1000, 2000))
    write_png(made, tmp_path / "x.png")
    assert pil.open(tmp_path / "x.png").convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
    svg = to_svg(made, "inside")
    assert svg.startswith('<svg role="img" aria-label="the 3 filters of first.conv" viewBox="0 0 ')
    assert "currentColor" in svg
    assert "var(--line)" in svg
    assert "centre frequency in kHz" in svg
    assert all(name.startswith("inside-") for name in re.findall(r'\bid="([^"]+)"', svg))


def test_of_many_filters_some_are_drawn_and_that_is_said():
    filters, responses = waves(*np.linspace(200, 7000, 100))
    made = draw_waves(filters, responses)
    words = texts(made)
    assert len([word for word in words if word.endswith("Hz")]) == MOST
    assert "64 of the 100 filters of first.conv" in words


def test_random_weights_are_called_so():
    filters, responses = waves(500)
    random = Filters(filters.layer, filters.weights, trained=False)
    for draw in (draw_waves, draw_frequencies):
        assert any("RANDOM WEIGHTS, not trained" in word for word in texts(draw(random, responses)))
        assert not any("RANDOM" in word for word in texts(draw(filters, responses)))


def test_the_overview_has_centre_frequencies_in_order_and_units():
    made = draw_frequencies(*waves(3000, 1000, 2000))
    centres, image, _ = made.axes
    assert centres.lines[0].get_ydata() == pytest.approx([1, 2, 3], abs=0.05)
    assert (centres.get_ylabel(), image.get_ylabel()) == ("centre frequency in kHz", "frequency in kHz")
    shown = np.asarray(image.images[0].get_array())
    peaks_khz = shown.argmax(axis=0) * 8 / (len(shown) - 1)
    assert peaks_khz == pytest.approx([1, 2, 3], abs=0.05)
    assert shown.max(axis=0) == pytest.approx([0, 0, 0])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_tiles_of_images_show_each_filter_once(channels):
    weights = np.zeros((10, channels, 5, 5), np.float32)
    weights[7, :, 1, 3] = -2
    made = draw_tiles(Filters("conv", weights, True))
    shown = made.axes[0].images[0].get_array()
    grey = shown if shown.ndim == 2 else shown.mean(axis=-1)
    assert np.argwhere(grey < 0.4).tolist() == [[1, 7 * 6 + 3]]
    assert (shown.ndim == 3) == (channels == 3)
    assert (grey == 0.5).sum() == 250 - 1


def test_tiles_of_volumes_have_their_slices_side_by_side():
    weights = np.zeros((3, 1, 4, 3, 3), np.float32)
    weights[1, 0, 2] = 1
    made = draw_tiles(Filters("conv", weights, True))
    axes = made.axes[0]
    assert "its 4 frames or slices side by side" in axes.get_xlabel()
    # Filters of four slices and a gap, each tile three wide and one apart: filter 1 begins at column 20.
    shown = axes.images[0].get_array()
    assert (shown[:3, 20 + 8 : 20 + 11] == 1).all()
    assert (shown[:3, 20:23] == 0.5).all()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    subject = load_subject(tone_detector(tmp_path_factory.mktemp("tones"), silence_db=-50.0, hop=RATE))
    return view_file(subject, wav_bytes(tones(6, (LOW_HZ, 1.2, 1.6), (HIGH_HZ, 4.2, 4.6)), RATE))


def test_the_timeline_shows_curves_scores_and_silence_in_seconds(sound):
    outline = np.array([[-0.5] * 60, [0.5] * 60])
    made = draw_timeline(sound, outline)
    top, activation, scores = made.axes
    assert scores.get_xlabel() == "time in s"
    assert activation.get_ylabel() == "activation in logits\nat features.3.pool"
    assert scores.get_xlim() == (0, 6)
    curves = {line.get_label().split(",")[0]: line for line in activation.lines}
    high_s = curves["high"].get_xdata()[np.nanargmax(curves["high"].get_ydata())]
    assert 4.2 < high_s < 4.6
    assert scores.lines[0].get_xdata() == pytest.approx([1.5, 4.5])
    assert [patch.get_x() for patch in top.patches] == [0, 2, 3, 5]
    made = draw_timeline(sound)
    assert len(made.axes) == 2


def test_feature_maps_of_sound_are_sorted_where_an_order_is_given(sound):
    order = np.arange(256)[::-1]
    layer = sound.features[0].layer
    made = draw_features(sound, {layer: order})
    panels = [axes for axes in made.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in panels] == [feature.layer for feature in sound.features]
    levels = panels[0].images[0].get_array()
    assert np.nanargmax(np.nanmax(levels, axis=1)) == 255
    assert panels[-1].get_xlabel() == "time in s"


def png(pixels):
    file = io.BytesIO()
    pytest.importorskip("PIL.Image").fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_heat_over_an_image_stands_beside_it_for_each_label(tmp_path):
    pixels = np.zeros((96, 96), np.uint8)
    pixels[44:76, 20:52] = 255
    view = view_file(
        load_subject(brightness_detector(tmp_path, ImageSpec(96, 96, mean=0.0, deviation=1.0))), png(pixels)
    )
    made = draw_heat(view, view.pictures)
    original, bright, below, dark, _ = made.axes
    assert (original.images[0].get_array() * 255 == pixels).all()
    assert bright.images[1].get_extent() == [-0.5, 95.5, 95.5, -0.5]
    assert np.asarray(bright.images[1].get_array()) == pytest.approx(view.activations[0])
    assert original.get_ylabel().startswith("bright, ")
    assert below.get_ylabel().startswith("dark, ")
    assert np.asarray(dark.images[1].get_array()) == pytest.approx(view.activations[1])
    made = draw_features(view, {})
    assert made.axes[0].get_xlabel().startswith("channels of 92 x 92 positions, black 0, white 0.7")


def test_heat_in_a_volume_stands_over_the_slices_it_belongs_to(tmp_path):
    volume = np.zeros((48, 40, 40), np.uint8)
    volume[24:40, 12:28, 12:28] = 255
    file = io.BytesIO()
    np.save(file, volume)
    subject = load_subject(brightness_detector(tmp_path, VolumeSpec(48, 40, 40, mean=0.0, deviation=1.0)))
    view = view_file(subject, file.getvalue())
    made = draw_heat(view, view.pictures)
    first_row = made.axes[:8]
    assert [axes.get_title() for axes in first_row][:2] == ["depth 6%", "depth 19%"]
    heats = [axes.images[1].get_array().max() for axes in first_row]
    assert np.argmax(heats) in (4, 5)
    assert first_row[5].images[0].get_array().max() == 1
