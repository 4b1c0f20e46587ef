"""Whatever is cut off or overwritten: an answer or a `MediaError`, and never anything else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.errors import MediaError
from audiocnn.limits import DecodeLimits
from audiocnn.media import open_media
from audiocnn.spec import ImageSpec, VideoSpec, VolumeSpec
from tests.visual_files import VIDEO_KINDS, grey_frames, image_bytes, noise_picture, npy_bytes, npz_bytes, video_bytes

IMAGE, VIDEO, VOLUME = ImageSpec(8, 8, 3), VideoSpec(4, 8, 8, 25, 4), VolumeSpec(4, 4, 4)
LIMITS = DecodeLimits(max_pixels=100_000, max_decoded_bytes=10_000_000, max_duration_s=60, max_video_pixels=10_000_000)
VOXELS = np.random.default_rng(0).normal(size=(5, 6, 7))
IMAGES = {
    "png": image_bytes(noise_picture(20, 30)),
    "jpeg": image_bytes(noise_picture(20, 30), "JPEG"),
    "progressive jpeg": image_bytes(noise_picture(20, 30), "JPEG", progressive=True),
    "webp": image_bytes(noise_picture(20, 30), "WEBP"),
    "webp lossless": image_bytes(noise_picture(20, 30), "WEBP", lossless=True),
    "gif": image_bytes(noise_picture(20, 30, channels=1), "GIF"),
    "bmp": image_bytes(noise_picture(20, 30), "BMP"),
    "tiff": image_bytes(noise_picture(20, 30), "TIFF"),
    "tiff lzw": image_bytes(noise_picture(20, 30), "TIFF", compression="tiff_lzw"),
}
VIDEOS = {kind: video_bytes(grey_frames(range(0, 120, 20), 16, 16), kind, rate=25) for kind in VIDEO_KINDS}
VOLUMES = {
    "npy": npy_bytes(VOXELS),
    "npz": npz_bytes(volume=VOXELS),
    "npz stored": npz_bytes(compressed=False, volume=VOXELS),
}
FILES = [
    (f"{name} as {spec.media}", source, spec)
    for spec, files in ((IMAGE, IMAGES), (VIDEO, VIDEOS), (VOLUME, VOLUMES))
    for name, source in files.items()
]


def read(source, spec):
    """The number of windows, or None for a file that is refused."""
    try:
        with open_media(source, spec, LIMITS) as media:
            windows = list(media.windows())
            media.info.to_json()
    except MediaError:
        return None
    assert windows
    for window in windows:
        assert window.values.shape == spec.shape
        assert np.isfinite(window.values).all()
    return len(windows)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # about what is damaged
@pytest.mark.parametrize(("source", "spec"), [pytest.param(*file, id=name) for name, *file in FILES])
class TestEveryFormat:
    def test_whole(self, source, spec):
        assert read(source, spec)

    @settings(max_examples=10, deadline=None)
    @given(kept=st.floats(0, 1))
    def test_cut_short(self, source, spec, kept):
        read(source[: int(kept * len(source))], spec)

    @settings(max_examples=20, deadline=None)
    @given(damage=st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 255)), min_size=1, max_size=8))
    def test_overwritten(self, source, spec, damage):
        data = bytearray(source)
        for place, in_header, value in damage:
            data[int(place * (min(200, len(data)) if in_header else len(data)) * 0.999)] = value
        read(bytes(data), spec)


@pytest.mark.parametrize("spec", [IMAGE, VIDEO, VOLUME], ids=lambda spec: spec.media)
@given(source=st.binary(max_size=300))
@settings(max_examples=20, deadline=None)
def test_random_bytes(spec, source):
    assert read(source, spec) is None
