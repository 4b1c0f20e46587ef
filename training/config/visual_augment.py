"""The section `[augment]` for images, video and volumes."""

from dataclasses import dataclass

from training.config.checks import check_fields


@dataclass(frozen=True, slots=True)
class VisualAugmentConfig:
    """What each image, video window or volume goes through; 0 or an empty list switches a step off.

    speed: largest relative change of a video's speed. shift: largest shift, as a share of each side. rotate_deg:
    largest turn, for volumes about each axis. scale: largest change of size, as a share. shear: largest slant.
    elastic: deviation of a smooth random displacement, as a share of the side. moved: share of the items that go
    through the steps so far; below 1 the network also sees inputs as sharp and as upright as in use. flip: the axes
    along which half of the items are mirrored, of width, height and depth. contrast, brightness: largest relative and
    absolute change, on a scale from 0 to 1. noise: largest deviation of noise in each pixel. erase: probability of a
    black box of up to half of each side.
    """

    speed: float = 0.0
    shift: float = 0.0
    rotate_deg: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    moved: float = 1.0
    flip: tuple[str, ...] = ()
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        shares = ["speed", "shift", "scale", "shear", "elastic", "contrast", "brightness", "noise"]
        check_fields("augment.", self, shares, lambda v: 0 <= v < 1, "a share from 0 to below 1")
        check_fields("augment.", self, ["rotate_deg"], lambda v: 0 <= v <= 180, "from 0 to 180 degrees")
        check_fields("augment.", self, ["erase", "moved"], lambda v: 0 <= v <= 1, "a probability from 0 to 1")
        axes = {"width", "height", "depth"}
        check_fields("augment.", self, ["flip"], lambda v: axes.issuperset(v), "a list of width, height and depth")
