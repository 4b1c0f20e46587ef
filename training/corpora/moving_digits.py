"""Moving digits: synthetic video of our own making, labelled by the direction of motion.

A digit, drawn with strokes of our own (`strokes.py`: nobody's pixels, nobody's font), moves over a still, textured
background under fresh noise in every frame, in one of eight directions. Files are real H.264 video, grey, 15 frames a
second.

Citation and licence: none needed; what this project makes is under its own licence, Apache-2.0. Say "synthetic" beside
every figure measured on it.

A single frame cannot tell the direction: the picture is a torus (what leaves on the right comes back on the left) and
the start is uniform on it and drawn before the direction, so in every frame the digit is equally likely to be anywhere
whatever the direction; shape, speed, brightness and background are drawn without regard to it; and each frame is coded
by itself. Differences of two frames, or a 3D network, can.

Split: train, validation and test, drawn independently, equally many clips of each direction. `digit` and `hand` are in
the manifest too.

Traps: a torus is no camera; motion has one speed along a straight line; the background stands still. A network good at
this knows direction, not actions.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from training.corpora.folder import new_corpus
from training.corpora.strokes import HANDS, coverage, segments_of
from training.corpora.video import write_video
from training.progress import track

DIRECTIONS = ("east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east")
"""In steps of 45 degrees, counter-clockwise; north is up."""

FRAME_RATE = 15

_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Scene:
    """All of a clip but the direction. Lengths are pixels, speed is pixels a frame, levels are 0 to 255.

    segments: of the digit about its middle, shape `(segments, 2, 2)`. background: shape `(size, size)`.
    """

    digit: int
    hand: str
    segments: NDArray[np.float64]
    thickness: float
    start: NDArray[np.float64]
    speed: float
    background: NDArray[np.float64]
    ink: float
    noise: float


def convert(
    destination: Path,
    *,
    seed: int = 0,
    train: int = 4000,
    validation: int = 800,
    test: int = 1600,
    frames: int = 16,
    size: int = 64,
) -> str:
    """Draw a corpus into `destination`: `train/east/00000.mp4` and so on.

    train, validation, test: clips in each split, multiples of 8 and not 0 for train. frames: in a clip, at least 2.
    size: of a frame, an even number of pixels from 32 up. The same seed gives the same clips, whatever the counts.
    Returns a summary. Raises `ConfigError` for other values and for an existing destination.
    """
    counts = {"train": train, "validation": validation, "test": test}
    for name, count in counts.items():
        if count < 0 or count % len(DIRECTIONS) or (name == "train" and not count):
            raise ConfigError(f"{name} must be a multiple of {len(DIRECTIONS)}, as many of each direction, got {count}")
    if frames < 2:
        raise ConfigError(f"frames must be at least 2, motion needs them, got {frames}")
    if size < 32 or size % 2:
        raise ConfigError(f"size must be an even number of pixels from 32 up, got {size}")
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}")
    with new_corpus(destination) as corpus:
        for number, split in enumerate(_SPLITS):
            for index in track(range(counts[split]), split, counts[split]):
                random = np.random.default_rng([seed, number, index])
                scene = draw_scene(random, size)
                direction = DIRECTIONS[index % len(DIRECTIONS)]
                path = corpus.add(
                    f"{split}/{direction}/{index:05d}.mp4",
                    direction,
                    split=split,
                    digit=str(scene.digit),
                    hand=scene.hand,
                    speed=f"{scene.speed:.2f}",
                )
                write_video(path, film(scene, direction, frames, random), FRAME_RATE)
        return corpus.summary()


def draw_scene(random: np.random.Generator, size: int) -> Scene:
    """A random scene in a picture of `size` pixels a side."""
    digit = int(random.integers(10))
    hand = str(random.choice(list(HANDS)))
    paper = random.uniform(50, 205)
    contrast = random.uniform(60, 110) * (1 if paper < 110 or (paper < 145 and random.random() < 0.5) else -1)
    return Scene(
        digit=digit,
        hand=hand,
        segments=segments_of(HANDS[hand][digit], _pen(random, size)),
        thickness=random.uniform(1.5, 4.0) * size / 64,
        start=random.uniform(0, size, 2),
        speed=random.uniform(0.8, 3.0) * size / 64,
        background=paper + _texture(random, size),
        ink=paper + contrast,
        noise=random.uniform(0, 10),
    )


def positions(scene: Scene, direction: str, frames: int) -> NDArray[np.float64]:
    """Where the digit's middle is in each frame, shape `(frames, 2)` as x, y; the picture's size wraps around."""
    angle = np.radians(45 * DIRECTIONS.index(direction))
    step = scene.speed * np.array([np.cos(angle), -np.sin(angle)])
    wrapped: NDArray[np.float64] = (scene.start + np.arange(frames)[:, None] * step) % len(scene.background)
    return wrapped


def film(scene: Scene, direction: str, frames: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """The scene in motion, shape `(frames, size, size)`."""
    clip = np.empty((frames, *scene.background.shape), np.uint8)
    for frame, position in zip(clip, positions(scene, direction, frames), strict=True):
        cover = coverage(scene.segments, position, scene.thickness, len(scene.background))
        picture = scene.background * (1 - cover) + scene.ink * cover
        picture += scene.noise * random.standard_normal(picture.shape)
        frame[:] = np.clip(picture.round(), 0, 255)
    return clip


def _pen(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """A random size, slant, width and turn: the 2 x 2 matrix from strokes to pixels."""
    height = random.uniform(8, 13) * size / 64
    width = height * random.uniform(0.8, 1.4)
    turn, slant = np.radians(random.uniform(-20, 20)), random.uniform(-0.25, 0.25)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix: NDArray[np.float64] = rotation @ np.array([[width, slant * height], [0, height]])
    return matrix


def _texture(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Random blotches, periodic like the picture: noise with most of its power in low spatial frequencies."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    power = 1 / (1 + frequency / random.uniform(2, 8)) ** 2
    power[0, 0] = 0
    blotches = np.fft.irfft2(np.fft.rfft2(random.standard_normal((size, size))) * power, (size, size))
    texture: NDArray[np.float64] = random.uniform(4, 18) * blotches / blotches.std()
    return texture
