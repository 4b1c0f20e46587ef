"""The cache of decoded clips: what it holds, what it decodes again, and what damage does to it."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audiocnn.audio.decode import decode
from audiocnn.errors import ConfigError
from audiocnn.spec import AudioSpec
from tests.training.raw_clips import Bytes, clips_in, content
from training.config import AugmentConfig, Config
from training.data.cache import Cache, open_cache
from training.data.content import content_hashes
from training.data.journal import Journal
from training.data.manifest import Clip, read_clips
from training.data.sound import FULL_SCALE, Sound, samples_of


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    folder = tmp_path / "clips"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.raw").write_bytes(content(number))
    return clips_in(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the cache is."""
    return tmp_path / "cache"


def index_of(folder: Path) -> Path:
    (found,) = folder.glob("*/index.jsonl")
    return found


def data_of(folder: Path) -> Path:
    return index_of(folder).with_name("items.bin")


def decoded_by(folder: Path, clips: list[Clip], max_unreadable: float = 0.0) -> list[str]:
    """What opening the cache decodes; afterwards it holds what is in the files."""
    decoder = Bytes()
    cache = open_cache(folder, clips, decoder, max_unreadable)
    assert_holds(cache, clips)
    return sorted(decoder.decoded)


def assert_holds(cache: Cache, clips: list[Clip]) -> None:
    for clip in cache.readable(clips):
        assert cache.items(clip).tobytes() == clip.path.read_bytes()


def test_it_holds_what_decode_gives(data: Path, config: Config, tmp_path: Path) -> None:
    clips = read_clips(data, config.data)
    cache = open_cache(tmp_path, clips, Sound(AudioSpec(8000, 8000, 8000), AugmentConfig()), 0)
    expected = decode(clips[5].path).samples[0]
    np.testing.assert_allclose(samples_of(cache.items(clips[5])), expected, atol=1 / FULL_SCALE)
    np.testing.assert_array_equal(cache.items(clips[5], 100, 200), cache.items(clips[5])[100:200])
    assert cache.num_items(clips[5]) == len(expected)
    slower = open_cache(tmp_path, clips, Sound(AudioSpec(4000, 4000, 4000), AugmentConfig()), 0)
    assert slower.num_items(clips[0]) == cache.num_items(clips[0]) / 2


def test_nothing_is_decoded_or_written_twice(clips: list[Clip], folder: Path) -> None:
    assert decoded_by(folder, clips) == [f"{number}.raw" for number in range(10)]
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert decoded_by(folder, clips) == []
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == written


def test_content_decides_not_the_name_or_the_time(clips: list[Clip], folder: Path) -> None:
    decoded_by(folder, clips)
    clips[0].path.rename(clips[0].path.with_name("moved.raw"))
    clips[1].path.with_name("copy.raw").write_bytes(clips[1].path.read_bytes())
    clips[2].path.touch()
    clips[3].path.write_bytes(content(42))
    clips[4].path.write_bytes(content(14)[: clips[4].path.stat().st_size])  # as long as before
    assert decoded_by(folder, clips_in(clips[0].path.parent)) == ["3.raw", "4.raw"]


def test_data_sets_share_what_is_decoded_alike(clips: list[Clip], folder: Path) -> None:
    assert decoded_by(folder, clips[:6]) == [f"{number}.raw" for number in range(6)]
    assert decoded_by(folder, clips[4:]) == [f"{number}.raw" for number in range(6, 10)]
    other = Bytes("otherwise")
    open_cache(folder, clips[:2], other, 0)
    assert sorted(other.decoded) == ["0.raw", "1.raw"]


def test_an_unchanged_file_is_not_read_for_its_hash(clips: list[Clip], folder: Path) -> None:
    folder.mkdir()
    paths = [clip.path for clip in clips]
    hashes, _ = content_hashes(folder, paths)
    entries = [json.loads(line) for line in (folder / "contents.jsonl").read_text().splitlines()]
    for entry in entries[:2]:
        entry["sha256"] = "from the journal"
    (folder / "contents.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    again, _ = content_hashes(folder, paths)
    assert again == hashes | dict.fromkeys(paths[:2], "from the journal")
    paths[0].write_bytes(content(7))
    again, _ = content_hashes(folder, paths)
    assert again == hashes | {paths[0]: hashes[paths[7]], paths[1]: "from the journal"}


def test_clips_that_cannot_be_read_are_left_out_up_to_a_share(
    clips: list[Clip], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips[2].path.write_bytes(b"bad sound")
    clips[5].path.unlink()
    clips[5].path.mkdir()
    assert len(decoded_by(folder, clips, 0.2)) == 9
    assert "2 of 10 clips cannot be decoded and are left out" in caplog.text
    again = Bytes()
    cache = open_cache(folder, clips, again, 0.2)
    assert again.decoded == []
    assert cache.unreadable == {clips[2].path: "begins with bad", clips[5].path: "Is a directory"}
    assert cache.readable(clips) == [clip for clip in clips if clip not in (clips[2], clips[5])]
    assert (cache.digest(clips[2]), cache.content(clips[2])) == ("", "")
    with pytest.raises(ConfigError, match=r"2 of 10 clips cannot .*max_unreadable = 0\.19.*2\.raw: begins with bad"):
        open_cache(folder, clips, Bytes(), 0.19)


def test_many_unreadable_clips_are_counted_and_not_all_listed(clips: list[Clip], folder: Path) -> None:
    for clip in clips:
        clip.path.write_bytes(b"bad " + clip.path.name.encode())
    with pytest.raises(ConfigError, match=r"2\.raw: begins with bad; and 7 more, which `python -m training check`"):
        open_cache(folder, clips, Bytes(), 0.5)
    assert open_cache(folder, clips, Bytes(), 1.0).readable(clips) == []


def test_warnings_are_kept_with_the_clip_and_told_each_time(
    clips: list[Clip], folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for clip in clips[2:7]:
        clip.path.write_bytes(b"odd " + content(int(clip.path.stem)))
    for decoded in (10, 0):
        caplog.clear()
        decoder = Bytes()
        cache = open_cache(folder, clips, decoder, 0)
        assert len(decoder.decoded) == decoded
        assert cache.warnings == dict.fromkeys([clip.path for clip in clips[2:7]], "sounds odd")
        listed = "; ".join(f"{clip.path}: sounds odd" for clip in clips[2:5])
        assert caplog.messages == [
            f"something is wrong with 5 of 10 clips, which are used as far as they go: {listed}; and 2 more, which "
            "`python -m training check` lists"
        ]
    clips[2].path.write_bytes(content(2))
    caplog.clear()
    assert clips[2].path not in open_cache(folder, clips[:3], Bytes(), 0).warnings
    assert caplog.messages == []


def test_same_items_of_other_bytes_have_one_digest(clips: list[Clip], folder: Path) -> None:
    class Untagged(Bytes):
        def decode(self, path: Path) -> tuple[NDArray[Any], list[str]]:
            items, warnings = super().decode(path)
            return items[:400], warnings

    tagged = clips[0].path.with_name("tagged.raw")
    tagged.write_bytes(clips[0].path.read_bytes()[:800] + b"tag!")
    clips = clips_in(tagged.parent)
    cache = open_cache(folder, clips, Untagged(), 0)
    assert cache.digest(clips[0]) == cache.digest(clips[-1]) != cache.digest(clips[1])
    assert cache.content(clips[0]) != cache.content(clips[-1])


DECODE_SLOWLY = """
import sys
from pathlib import Path
from tests.training.raw_clips import Bytes, clips_in
from training.data.cache import open_cache
open_cache(Path(sys.argv[1]), clips_in(Path(sys.argv[2])), Bytes(seconds=0.3), 0)
"""


def test_after_kill_9_only_what_is_missing_is_decoded(clips: list[Clip], folder: Path) -> None:
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-c", DECODE_SLOWLY, folder, clips[0].path.parent], cwd=root)
    try:
        while not list(folder.glob("*/index.jsonl")) or index_of(folder).read_bytes().count(b"\n") < 3:
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = index_of(folder).read_bytes().count(b"\n")
    with data_of(folder).open("ab") as file:
        file.write(b"half a clip")  # had it been killed a moment later
    assert decoded_by(folder, clips) == [f"{number}.raw" for number in range(done, 10)]
    assert decoded_by(folder, clips) == []
    assert data_of(folder).stat().st_size == sum(clip.path.stat().st_size for clip in clips)


def test_an_unfinished_or_damaged_line_is_as_good_as_none(clips: list[Clip], folder: Path) -> None:
    decoded_by(folder, clips)
    lines = index_of(folder).read_bytes().splitlines(keepends=True)
    lines[3] = b"\0" * 9 + b"\n"
    index_of(folder).write_bytes(b"".join(lines)[:-20])
    assert decoded_by(folder, clips) == ["3.raw", "9.raw"]
    assert decoded_by(folder, clips) == []


def test_of_two_at_once_one_decodes(clips: list[Clip], folder: Path) -> None:
    decoder = Bytes(seconds=0.02)
    with ThreadPoolExecutor(3) as pool:
        caches = list(pool.map(lambda _: open_cache(folder, clips, decoder, 0), range(3)))
    assert sorted(decoder.decoded) == [clip.path.name for clip in clips]
    for cache in caches:
        assert_holds(cache, clips)


@pytest.mark.parametrize("size", [0, 4001, None])
def test_data_cut_short_or_gone_is_decoded_again(clips: list[Clip], folder: Path, size: int | None) -> None:
    decoded_by(folder, clips)
    if size is None:
        data_of(folder).unlink()
    else:
        os.truncate(data_of(folder), size)
    whole = 3 if size else 0  # 500 + 501 + 502 samples, and a part of the next
    assert decoded_by(folder, clips[::-1]) == [f"{number}.raw" for number in range(whole, 10)]
    assert decoded_by(folder, clips) == []


def test_other_clips_where_lost_ones_were_are_not_taken_for_them(clips: list[Clip], folder: Path) -> None:
    decoded_by(folder, clips)
    os.truncate(data_of(folder), 0)
    assert decoded_by(folder, clips[5:]) == [f"{number}.raw" for number in range(5, 10)]
    assert decoded_by(folder, clips) == [f"{number}.raw" for number in range(5)]


def test_a_flipped_bit_is_found_and_mended_by_the_next_call(clips: list[Clip], folder: Path) -> None:
    decoded_by(folder, clips)
    damaged = bytearray(data_of(folder).read_bytes())
    damaged[2 * 500 + 99] ^= 4
    data_of(folder).write_bytes(damaged)
    cache = open_cache(folder, clips, Bytes(), 0)
    assert_holds(cache, clips[:1])
    with pytest.raises(ConfigError, match=r"1\.raw is damaged; the same command again decodes it anew"):
        cache.items(clips[1], 0, 10)
    assert decoded_by(folder, clips) == ["1.raw"]
    assert decoded_by(folder, clips) == []


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Writing beyond so many bytes of a file fails, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_said_and_what_was_written_counts(clips: list[Clip], folder: Path) -> None:
    with files_up_to(4001), pytest.raises(ConfigError, match=r"cannot write the cache .*make room or name another"):
        open_cache(folder, clips, Bytes(), 0)
    assert data_of(folder).stat().st_size == 4001
    assert decoded_by(folder, clips) == [f"{number}.raw" for number in range(3, 10)]


def test_a_full_disk_for_the_index(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "short").mkdir()
    for number in range(60):
        (tmp_path / "short" / f"{number:02}.raw").write_bytes(bytes([number, 0]))
    clips = clips_in(tmp_path / "short")
    open_cache(folder, clips[:50], Bytes(), 0)
    content_hashes(folder, [clip.path for clip in clips])
    with files_up_to(index_of(folder).stat().st_size + 50), pytest.raises(ConfigError, match="cannot write the cache"):
        open_cache(folder, clips[:51], Bytes(), 0)
    assert index_of(folder).read_bytes()[-1:] != b"\n"
    assert decoded_by(folder, clips) == [f"{number}.raw" for number in range(50, 60)]
    assert decoded_by(folder, clips) == []


def test_a_journal_that_is_not_there_has_no_entries(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "none").entries()) == []
