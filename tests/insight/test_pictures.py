"""Model inputs made visible again."""

import numpy as np
import pytest

from audiocnn.insight.pictures import Pictures, pictures_of_video, pictures_of_window
from audiocnn.prepared import Window
from audiocnn.spec import ImageSpec, VideoSpec

RANDOM = np.random.default_rng(0)


def test_an_image_has_its_brightness_again():
    pixels = RANDOM.integers(0, 256, (6, 5, 3), np.uint8)
    values = ((pixels.transpose(2, 0, 1) / 255 - 0.4) / 0.3).astype(np.float32)
    pictures = pictures_of_window(Window(values, None), ImageSpec(6, 5, channels=3, mean=0.4, deviation=0.3))
    assert (pictures.values == pixels).all()
    assert pictures.places.tolist() == [0.5]


@pytest.mark.parametrize(("frames", "chosen"), [(3, [0, 1, 2]), (16, [1, 3, 5, 7, 9, 11, 13, 15])])
def test_frames_are_spread_over_the_window(frames, chosen):
    pixels = np.arange(frames, dtype=np.uint8)
    values = np.broadcast_to(pixels[:, np.newaxis, np.newaxis] / 255, (1, frames, 2, 2)).astype(np.float32)
    spec = VideoSpec(frames=frames, height=2, width=2, frame_rate=10, hop=1, mean=0.0, deviation=1.0)
    pictures = pictures_of_window(Window(values, None), spec)
    assert pictures.values[:, 0, 0, 0].tolist() == chosen
    assert pictures.places == pytest.approx((np.arange(len(chosen)) + 0.5) / len(chosen))


def test_pictures_of_a_video_are_spread_over_all_its_windows_in_order():
    parts = [Pictures(np.full((2, 1, 1, 1), i, np.uint8), np.array([0.25, 0.75])) for i in range(20)]
    spans = [(i / 20, (i + 1) / 20) for i in range(20)]
    pictures = pictures_of_video(parts, spans)
    assert pictures.values[:, 0, 0, 0].tolist() == [1, 3, 6, 8, 11, 13, 16, 18]
    assert (np.diff(pictures.places) > 0).all()
    assert pictures.places == pytest.approx((np.arange(8) + 0.5) / 8, abs=0.03)
