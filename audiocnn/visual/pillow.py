"""Pillow's names that are used here, or an error that says how to get them."""

from audiocnn.errors import MissingExtraError

try:
    from PIL import Image
    from PIL.BmpImagePlugin import BmpImageFile
    from PIL.GifImagePlugin import GifImageFile
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    from PIL.TiffImagePlugin import TiffImageFile
    from PIL.WebPImagePlugin import WebPImageFile
except ImportError as error:
    raise MissingExtraError("images and video need Pillow: pip install 'audiocnn[vision]'") from error

__all__ = [
    "BmpImageFile",
    "GifImageFile",
    "Image",
    "ImageFile",
    "JpegImageFile",
    "PngImageFile",
    "TiffImageFile",
    "WebPImageFile",
]
