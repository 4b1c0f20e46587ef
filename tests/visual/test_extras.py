"""Without the extra `vision` sound still works, and pictures say what is missing."""

import subprocess
import sys

import pytest

CHECK = """
import sys
for name in {missing}:
    sys.modules[name] = None
import audiocnn.media
from audiocnn.errors import MissingExtraError
from audiocnn.spec import ImageSpec, VideoSpec, VolumeSpec

for spec in (ImageSpec(8, 8), VideoSpec(4, 8, 8, 10, 4), VolumeSpec(4, 4, 4)):
    try:
        audiocnn.media.open_media(b"", spec)
    except MissingExtraError as error:
        print(spec.media, "|", error)
    else:
        print(spec.media, "| there")
print(*sorted({{"PIL", "av", "torch", "fastapi"}} & {{name for name in sys.modules if sys.modules[name]}}))
"""
PILLOW = "images and video need Pillow: pip install 'audiocnn[vision]'"
PYAV = "video needs PyAV: pip install 'audiocnn[vision]'"


@pytest.mark.parametrize(
    ("missing", "image", "video", "loaded"),
    [
        (["PIL", "av"], PILLOW, PYAV, ""),
        (["av"], "there", PYAV, "PIL"),
        (["PIL"], PILLOW, PILLOW, "av"),
        ([], "there", "there", "PIL av"),
    ],
)
def test_what_is_missing_is_said(missing, image, video, loaded):
    result = subprocess.run([sys.executable, "-c", CHECK.format(missing=missing)], capture_output=True, text=True)
    assert result.stderr == ""
    assert result.stdout.splitlines() == [f"image | {image}", f"video | {video}", "volume | there", loaded]
