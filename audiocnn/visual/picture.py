"""One decoded picture, from an image or a video, as the pixels a model sees: all that needs Pillow and no file."""

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import ImageSpec, VideoSpec
from audiocnn.visual.fit import place
from audiocnn.visual.pillow import Image

Pixels = NDArray[np.uint8]


def on_black(picture: Image.Image) -> Image.Image:
    """A picture with transparency as RGB over black, the colour of the frame that `pad` draws around a picture."""
    black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
    black.alpha_composite(picture.convert("RGBA"))
    return black.convert("RGB")


def fit_picture(picture: Image.Image, spec: ImageSpec | VideoSpec, pixel_aspect: float = 1.0) -> Pixels:
    """The picture as uint8 `(channels, height, width)` of `spec`.

    picture: upright, without transparency. pixel_aspect: the width of one of its pixels over the height.
    It is reduced with a triangle filter as wide as the reduction, which neither aliases nor rings; a picture that has
    the right size keeps its very pixels. Grey is 0.299 red + 0.587 green + 0.114 blue.
    """
    rows, columns = place((picture.height, picture.width), (spec.height, spec.width), spec.fit, (1.0, pixel_aspect))
    inner = picture.convert("L" if spec.channels == 1 else "RGB").resize(
        (columns.size, rows.size),
        Image.Resampling.BILINEAR,
        box=(columns.start, rows.start, columns.stop, rows.stop),
    )
    fitted: Pixels = np.zeros(spec.shape[:1] + spec.shape[-2:], np.uint8)
    pixels = np.asarray(inner).reshape(rows.size, columns.size, spec.channels)
    fitted[:, rows.target, columns.target] = np.moveaxis(pixels, -1, 0)
    return fitted
