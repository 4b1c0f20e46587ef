"""Windows cut from the memory map and from the memory of the device: the same, and as the definition has it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file

from audiocnn.checkpoint import WEIGHTS
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, TaskSpec
from tests.training.raw_clips import Bytes, clips_in, content
from training.config import Config
from training.data import store
from training.data.batches import Batches
from training.data.cache import Cache, open_cache
from training.data.manifest import Clip, read_clips
from training.data.media import medium_of
from training.data.store import DeviceStore, cut, store_of
from training.distributed import Process
from training.loop import train

CPU = torch.device("cpu")


class Frames(Bytes):
    """Items of 2 by 3 values."""

    item_shape = (2, 3)
    settings = "frames"

    def decode(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        values, warnings = super().decode(path)
        return values[: len(values) // 6 * 6].reshape(-1, 2, 3), warnings


@pytest.fixture(scope="module", params=[Bytes, Frames])
def cached(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cache, list[Clip]]:
    folder = tmp_path_factory.mktemp("clips")
    for number in range(4):
        (folder / f"{number}.raw").write_bytes(content(number)[: (60, 120, 240, 600)[number]])
    clips = clips_in(folder)
    return open_cache(tmp_path_factory.mktemp("cache"), clips, request.param(), 0), clips


@settings(deadline=None)
@given(
    window=st.integers(1, 60),
    speed=st.sampled_from([0.0, 0.5, 0.97, 1.0, 1.03, 1.5, 2.0]),
    at=st.lists(st.floats(0, 1, exclude_max=True), min_size=6, max_size=6),
    wrap=st.booleans(),
)
def test_both_cut_the_windows_of_the_definition(
    cached: tuple[Cache, list[Clip]], window: int, speed: float, at: list[float], wrap: bool
) -> None:
    cache, clips = cached
    batch = [clips[i] for i in (0, 3, 1, 2, 3, 0)]
    steps = np.floor(np.arange(window) * speed).astype(np.int64)
    mapped = cut(cache, batch, np.array(at), steps, wrap=wrap)
    on_device = cut(DeviceStore(cache, clips, CPU), batch, np.array(at), steps, wrap=wrap)
    assert mapped.dtype == on_device.dtype == torch.int16
    assert torch.equal(mapped, on_device)
    for row, clip, where in zip(mapped.numpy(), batch, at, strict=True):
        items = cache.items(clip)
        needed = int(steps[-1]) + 1
        if needed <= len(items):
            start = int(where * (len(items) - needed + 1))
            expected = items[start + steps]
        elif wrap:
            expected = items[(int(where * len(items)) + steps) % len(items)]
        else:
            before = int(where * (needed - len(items) + 1))
            outside = [(before, needed)] + [(0, 0)] * (items.ndim - 1)
            expected = np.pad(items, outside)[steps]
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("tail", ["shift", "pad"])
@pytest.mark.parametrize("window", [4000, 9000])  # of clips of 8000 samples
def test_batches_are_the_same_bit_for_bit(data: Path, config: Config, tmp_path: Path, tail: str, window: int) -> None:
    config = replace(config, input=replace(config.input, window=window, tail=tail))
    clips = read_clips(data, config.data)
    medium = medium_of(config)
    cache = open_cache(tmp_path, clips, medium, 0)
    tasks = {MAIN: TaskSpec("single_label", ("high", "low"))}
    mapped, on_device = (
        Batches(store_of(cache, clips, where, CPU), medium, clips, tasks, config) for where in ("never", "always")
    )
    for step in range(4):
        assert torch.equal(mapped.batch(step)[0], on_device.batch(step)[0])
        assert torch.equal(mapped.batch(step, 1, 2)[0], on_device.batch(step, 1, 2)[0])


def test_training_on_the_device_gives_the_same_weights(
    with_train: Callable[..., Config], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = []
    monkeypatch.setattr(
        DeviceStore,
        "gather",
        lambda *args, __real=DeviceStore.gather, **kwargs: (gathered.append(1), __real(*args, **kwargs))[1],
    )
    weights = []
    for where in ("never", "always"):
        config = with_train(epochs=1, data_on_device=where)
        model = train(config, data, tmp_path / where, tmp_path / "cache", Process(0, 1, CPU), None)
        weights.append(load_file(model / WEIGHTS))
    assert len(gathered) == 6  # steps of the second training
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    train(config, data, tmp_path / "never", tmp_path / "cache", Process(0, 1, CPU), None)  # a run may go on elsewhere


def test_where_they_lie(
    cached: tuple[Cache, list[Clip]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache, clips = cached
    assert store_of(cache, clips, "auto", CPU) is cache
    assert store_of(cache, clips, "never", CPU) is cache
    assert isinstance(store_of(cache, clips, "always", CPU), DeviceStore)
    size = sum(cache.items(clip).nbytes for clip in clips)
    monkeypatch.setattr(store, "DeviceStore", lambda *_: "on the device")
    for free, where in ((2 * size, "on the device"), (2 * size - 1, cache)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 10 * size))
        assert store_of(cache, clips, "auto", torch.device("cuda")) == where

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(store, "DeviceStore", full)
    with pytest.raises(ConfigError, match=r"need 0\.0 GiB, which cpu has not free; set train.data_on_device = 'auto'"):
        store_of(cache, clips, "always", CPU)
    assert not caplog.messages
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2 * size, 10 * size))  # somebody else took it since
    assert store_of(cache, clips, "auto", torch.device("cuda")) is cache
    assert caplog.messages == [
        "the decoded clips need 0.0 GiB, which cuda has not free: windows are cut from the cache"
    ]
