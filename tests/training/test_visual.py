"""Images, videos and volumes through the same training as sound."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from audiocnn import Classifier, ImageSpec, VideoSpec, VolumeSpec
from audiocnn.errors import ConfigError
from audiocnn.export import export_onnx
from audiocnn.media import open_media
from audiocnn.spec import MAIN, InputSpec, TaskSpec
from tests.visual_files import grey_frames, image_bytes, npy_bytes, video_bytes
from training.config import Config, DataConfig, ModelConfig, OptimConfig, VisualAugmentConfig, load_config
from training.data.batches import Batches
from training.data.cache import Cache, open_cache
from training.data.manifest import Clip, read_clips
from training.data.media import medium_of
from training.data.split import SPLITS
from training.distributed import Process
from training.evaluate import predict
from training.loop import train
from training.metrics import measure

PROCESS = Process(0, 1, torch.device("cpu"))
SPECS: dict[str, InputSpec] = {
    "image": ImageSpec(12, 12),
    "video": VideoSpec(frames=6, height=12, width=12, frame_rate=10, hop=3, fit="stretch"),
    "volume": VolumeSpec(10, 12, 12),
}
SUFFIX = {"image": "png", "video": "mkv", "volume": "npy"}


def file_of(media: str, label: str, random: np.random.Generator) -> bytes:
    """Something that brightens to the right or to the left, or over time, with noise."""
    ramp = np.linspace(40, 200, 14)[:: 1 if label == "rising" else -1]
    if media == "image":
        return image_bytes((np.tile(ramp, (14, 1)) + random.normal(0, 10, (14, 14))).clip(0, 255).astype(np.uint8))
    if media == "video":
        levels = (ramp + random.normal(0, 5)).clip(0, 255).astype(int).tolist()
        return video_bytes(grey_frames(levels, 16, 16))
    return npy_bytes((ramp[:, None, None] + random.normal(0, 10, (14, 12, 12))).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module", params=sorted(SPECS))
def media(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def data(media: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp(media)
    random = np.random.default_rng(0)
    with (root / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "split"])
        for label in ("falling", "rising"):
            (root / label).mkdir()
            for i in range(8):
                name = f"{label}/{i}.{SUFFIX[media]}"
                (root / name).write_bytes(file_of(media, label, random))
                rows.writerow([name, label, SPLITS[(0, 0, 0, 0, 1, 1, 2, 2)[i]]])
    return root


@pytest.fixture
def config(media: str) -> Config:
    spec = SPECS[media]
    return Config(
        name=media,
        input=spec,
        model=ModelConfig("small-resnet", {"ndim": spec.ndim, "width": 4, "blocks": [1], "stem_pool": False}),
        data=DataConfig(manifest="manifest.csv", split="split"),
        train=OptimConfig(epochs=6, batch_size=4, lr=0.01, ema=0.5),
        augment=VisualAugmentConfig(shift=0.05, brightness=0.05, noise=0.02),
    )


@pytest.fixture
def cached(config: Config, data: Path, tmp_path: Path) -> tuple[Cache, list[Clip]]:
    clips = read_clips(data, config.data)
    return open_cache(tmp_path, clips, medium_of(config), 0), clips


def test_it_learns_and_the_classifier_agrees(config: Config, data: Path, tmp_path: Path) -> None:
    model = train(config, data, tmp_path / "run", tmp_path / "cache", PROCESS, None)
    export_onnx(model)
    tested = [clip for clip in read_clips(data, config.data) if clip.split == "test"]
    scores, targets, task = predict(model, tested)
    metrics = measure(scores, targets, task, {})
    assert len(tested) == 4
    assert (metrics["accuracy"], metrics["roc_auc"]) == (1, 1)
    spec = Classifier.load(model).spec
    assert spec.input == config.input
    assert spec.training["recipe"]["input"]["media"] == config.input.media


def test_validation_sees_the_classifiers_windows(config: Config, cached: tuple[Cache, list[Clip]], data: Path) -> None:
    cache, clips = cached
    for clip in (clips[0], clips[-1]):
        ours = list(medium_of(config).windows(cache.items(clip)))
        with open_media(clip.path, config.input) as opened:
            theirs = list(opened.windows())
        assert len(ours) == len(theirs) == (4 if config.input.media == "video" else 1)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.values, b.values)
            assert a.segment == b.segment


def test_what_is_wrong_with_a_picture_is_kept(tmp_path: Path) -> None:
    first, second = (Image.new("L", (16, 16), shade) for shade in (0, 255))
    first.save(tmp_path / "two.gif", save_all=True, append_images=[second])
    config = Config("x", SPECS["image"], ModelConfig("small-resnet"), augment=VisualAugmentConfig())
    cache = open_cache(tmp_path / "cache", [Clip(tmp_path / "two.gif", ("a",))], medium_of(config), 0)
    assert list(cache.warnings.values()) == ["the file has several frames or pages; only the first was looked at"]


def test_an_unchanged_batch_is_what_the_classifier_sees(config: Config, cached: tuple[Cache, list[Clip]]) -> None:
    cache, clips = cached
    medium = medium_of(replace(config, augment=VisualAugmentConfig()))
    crops = medium.crops(cache, clips[:2], np.zeros(2), 1.0)
    inputs = medium.model_input(medium.augment(crops, np.random.default_rng(0)))
    assert inputs.shape == (2, *config.input.shape)
    first = next(medium.windows(cache.items(clips[0])))
    np.testing.assert_allclose(inputs[0].numpy(), first.values, atol=1e-6)


def test_a_folder_per_class_takes_the_files_of_the_medium(config: Config, data: Path, media: str) -> None:
    (data / "rising" / "song.wav").write_bytes(b"RIFF")
    found = read_clips(data, DataConfig(), config.input.media)
    assert {clip.path.suffix for clip in found} == {f".{SUFFIX[media]}"}
    assert len(found) == 16


def shown(crops: torch.Tensor) -> list[int]:
    """The numbers of the frames in a window, each of which is 10 brighter than the one before."""
    return (crops[0, 0, :, 0, 0].float() / 10).round().int().tolist()


class TestVideo:
    """What only video has: time."""

    SPEC = VideoSpec(frames=4, height=8, width=8, frame_rate=10, hop=2)

    def cache(self, tmp_path: Path, num_frames: int) -> tuple[Cache, list[Clip]]:
        path = tmp_path / "a.mkv"
        path.write_bytes(video_bytes(grey_frames(range(0, 10 * num_frames, 10), 8, 8)))
        clips = [Clip(path, ("a",))]
        return open_cache(tmp_path, clips, self.medium(), 0), clips

    def medium(self, **changes: object) -> object:
        spec = replace(self.SPEC, **changes)
        return medium_of(Config("x", spec, ModelConfig("c3d"), augment=VisualAugmentConfig(speed=0.5)))

    @pytest.mark.parametrize(
        ("at", "stretch", "frames"),
        [
            (0.0, 1.0, [0, 1, 2, 3]),
            (0.999, 1.0, [6, 7, 8, 9]),
            (0.0, 2.0, [0, 2, 4, 6]),
            (0.0, 0.5, [0, 0, 1, 1]),
        ],
    )
    def test_windows_start_anywhere_and_run_faster_or_slower(
        self, tmp_path: Path, at: float, stretch: float, frames: list[int]
    ) -> None:
        cache, clips = self.cache(tmp_path, 10)
        crops = self.medium().crops(cache, clips, np.array([at]), stretch)
        assert crops.shape == (1, 1, 4, 8, 8)
        assert shown(crops) == frames

    @pytest.mark.parametrize(("tail", "frames"), [("shift", [0, 1, 0, 1]), ("pad", [0, 1, 0, 0])])
    def test_a_short_clip_is_filled_as_inference_does(self, tmp_path: Path, tail: str, frames: list[int]) -> None:
        cache, clips = self.cache(tmp_path, 2)
        medium = self.medium(tail=tail)
        crops = medium.crops(cache, clips, np.array([0.0]), 1.0)
        assert shown(crops) == frames
        seen = next(medium.windows(cache.items(clips[0]))).values
        np.testing.assert_allclose(medium.model_input(medium.augment(crops, np.random.default_rng(0)))[0], seen)

    def test_the_speed_of_a_batch_is_drawn_from_the_configuration(self, tmp_path: Path) -> None:
        cache, clips = self.cache(tmp_path, 20)
        config = Config(
            "x", self.SPEC, ModelConfig("c3d"), train=OptimConfig(batch_size=1), augment=VisualAugmentConfig(speed=0.5)
        )
        batches = Batches(cache, self.medium(), clips, {MAIN: TaskSpec("single_label", ("a", "b"))}, config)
        spans = {(frames := shown(batches.batch(step)[0]))[-1] - frames[0] for step in range(40)}
        assert min(spans) == 1  # four frames at half the speed: 0 0 1 1
        assert max(spans) == 4  # at 1.5 times: 0 1 3 4


def recipe(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "run.toml"
    path.write_text('name = "x"\n[model]\narchitecture = "lenet-5"\n' + text)
    return load_config(path)


def test_the_medium_decides_the_keys_of_input_and_augment(tmp_path: Path) -> None:
    config = recipe(
        tmp_path, '[input]\nmedia = "image"\nheight = 28\nwidth = 28\n[augment]\nshift = 0.1\nflip = ["width"]\n'
    )
    assert config.input == ImageSpec(28, 28)
    assert config.augment == VisualAugmentConfig(shift=0.1, flip=("width",))
    volume = recipe(tmp_path, '[input]\nmedia = "volume"\ndepth = 2\nheight = 3\nwidth = 4\n')
    assert volume.augment == VisualAugmentConfig()
    sound = "[input]\nsample_rate = 8\nwindow = 8\nhop = 8\n"
    for text, message in [
        ('[input]\nmedia = "smell"\n', "input.media must be one of audio, image, video, volume, got 'smell'"),
        (sound + "[augment]\nshear = 0.1\n", "unknown keys shear"),
        ('[input]\nmedia = "image"\nheight = 2\nwidth = 2\n[augment]\ngain_db = 1\n', "unknown keys gain_db"),
        ('[input]\nmedia = "image"\nheight = 2\nwidth = 2\nchannels = 2\n', "channels must be one of 1, 3, got 2"),
        ('[input]\nmedia = "image"\nheight = 2\nwidth = 2\nwindow = 2\n', "unknown keys window"),
        ('[input]\nmedia = "image"\nheight = 0\nwidth = 2\n', "height must be a whole number of at least 1, got 0"),
    ]:
        with pytest.raises(ConfigError, match=message):
            recipe(tmp_path, text)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("flip", '["time"]', r"a list of width, height and depth, got \('time',\)"),
        ("flip", "[1]", "a list of text in quotes"),
        ("rotate_deg", "181", "from 0 to 180 degrees"),
        ("shift", "1.0", "a share from 0 to below 1"),
        ("erase", "1.1", "a probability from 0 to 1"),
    ],
)
def test_what_is_wrong_in_augment_is_said(tmp_path: Path, key: str, value: str, words: str) -> None:
    text = f'[input]\nmedia = "image"\nheight = 28\nwidth = 28\n[augment]\n{key} = {value}\n'
    with pytest.raises(ConfigError, match=rf"augment\.{key} must be {words}"):
        recipe(tmp_path, text)


def test_augmentation_for_another_medium_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment must fit input\.media = 'image', got AugmentConfig"):
        Config("x", ImageSpec(28, 28), ModelConfig("lenet-5"))
