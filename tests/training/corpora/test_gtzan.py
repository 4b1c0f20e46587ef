"""GTZAN from tiny excerpts and lists of the published shape and, where they are, the real ones."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import encoded, noise, wav_bytes
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.gtzan import LISTS, convert
from training.data.manifest import read_clips
from training.data.split import split_clips

Rows = Callable[[Path], list[dict[str, str]]]
NUMBERS = {"train_filtered.txt": ("00001", "00054"), "valid_filtered.txt": ("00002",), "test_filtered.txt": ("00003",)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Excerpts of two genres, one of them in no list."""
    for genre in ("blues", "jazz"):
        folder = tmp_path / "gtzan" / "genres_original" / genre
        folder.mkdir(parents=True)
        for number in ("00001", "00002", "00003", "00004", "00054"):
            (folder / f"{genre}.{number}.wav").write_bytes(wav_bytes(noise(0.01, 22_050), 22_050))
    return tmp_path / "gtzan"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    for name, numbers in NUMBERS.items():
        lines = [f"{genre}/{genre}.{number}.wav" for genre in ("blues", "jazz") for number in numbers]
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def test_lists_make_the_split(source: Path, lists: Path, tmp_path: Path, rows_of: Rows) -> None:
    options = [str(source), str(tmp_path / "genres"), "--lists", str(lists), "--link"]
    answer = CliRunner().invoke(corpus, ["gtzan", *options])
    assert answer.exit_code == 0, answer.output
    assert "8 files; test 2, train 4, validation 2; blues 4, jazz 4\n" in answer.output
    rows = rows_of(tmp_path / "genres")
    assert rows[4] == {"path": "blues/blues.00002.wav", "label": "blues", "split": "validation"}
    assert (tmp_path / "genres" / rows[4]["path"]).samefile(source / "genres_original" / rows[4]["path"])
    clips = read_clips(tmp_path / "genres", DataConfig(manifest="manifest.csv", split="split"))
    assert len(split_clips(clips, test_fold=None, validation=0, seed=0).test) == 2


def test_lists_may_lie_beside_the_audio_and_the_audio_be_au(
    source: Path, lists: Path, tmp_path: Path, rows_of: Rows
) -> None:
    wav = source / "genres_original" / "blues" / "blues.00003.wav"
    wav.with_suffix(".au").write_bytes(encoded(noise(0.01, 22_050), 22_050, "AU"))
    wav.unlink()
    for name in LISTS.values():
        shutil.copyfile(lists / name, source / name)
    answer = CliRunner().invoke(corpus, ["gtzan", str(source), str(tmp_path / "genres")])
    assert answer.exit_code == 0, answer.output
    assert "blues/blues.00003.au" in {row["path"] for row in rows_of(tmp_path / "genres")}


def test_only_the_known_broken_excerpt_is_left_out(source: Path, lists: Path, tmp_path: Path, rows_of: Rows) -> None:
    jazz = source / "genres_original" / "jazz"
    (jazz / "jazz.00054.wav").write_bytes(b"broken")
    summary = convert(source, tmp_path / "genres", lists=lists)
    assert summary.endswith("; left out as they cannot be read: 1, jazz.00054.wav")
    assert Counter(row["label"] for row in rows_of(tmp_path / "genres")) == {"blues": 4, "jazz": 3}
    (jazz / "jazz.00001.wav").write_bytes(b"broken")
    with pytest.raises(ConfigError, match=r"jazz\.00001\.wav cannot be used, fetch it again: "):
        convert(source, tmp_path / "more", lists=lists)
    assert not (tmp_path / "more").exists()


def test_checksums_tell_other_files(source: Path, lists: Path, tmp_path: Path) -> None:
    excerpt = source / "genres_original" / "jazz" / "jazz.00002.wav"
    content = excerpt.read_bytes()
    table = tmp_path / "sha256.txt"
    table.write_text(f"{hashlib.sha256(content).hexdigest()} {len(content)} {excerpt.name}\n")
    options = [str(source), str(tmp_path / "genres"), "--lists", str(lists), "--checksums", str(table)]
    answer = CliRunner().invoke(corpus, ["gtzan", *options])
    assert answer.exit_code == 0, answer.output
    excerpt.write_bytes(content[:-1] + b"\x01")
    with pytest.raises(
        ConfigError, match=r"jazz\.00002\.wav has the SHA-256 .*, expected .*; fetch it again, or leave"
    ):
        convert(source, tmp_path / "more", lists=lists, checksums=table)
    table.write_text(f"{'0' * 64} 5 pop.00000.wav\n")
    with pytest.raises(ConfigError, match=r"sha256\.txt names none of the files in .*; leave it out for another copy"):
        convert(source, tmp_path / "more", lists=lists, checksums=table)
    table.write_text("not a checksum\n")
    with pytest.raises(ConfigError, match=r"line 1 of .*sha256\.txt is 'not a checksum'; expected SHA-256"):
        convert(source, tmp_path / "more", lists=lists, checksums=table)


def test_what_is_missing_or_there_twice_is_named(source: Path, lists: Path, tmp_path: Path) -> None:
    excerpt = source / "genres_original" / "blues" / "blues.00001.wav"
    shutil.copyfile(excerpt, source / excerpt.name)
    with pytest.raises(ConfigError, match=r"blues\.00001\.wav and .*blues\.00001\.wav are the same excerpt; keep one"):
        convert(source, tmp_path / "genres", lists=lists)
    (source / excerpt.name).unlink()
    excerpt.unlink()
    with pytest.raises(ConfigError, match=r"lacks 1 of the 8 listed excerpts, first blues\.00001\.wav"):
        convert(source, tmp_path / "genres", lists=lists)


def test_wrong_lists_are_named(source: Path, lists: Path, tmp_path: Path) -> None:
    (lists / "test_filtered.txt").write_text("blues/blues.00001.wav\n")
    with pytest.raises(ConfigError, match=r"blues\.00001 is in two of the lists in"):
        convert(source, tmp_path / "genres", lists=lists)
    (lists / "test_filtered.txt").write_text("")
    with pytest.raises(ConfigError, match=r"test_filtered\.txt is empty; fetch it again"):
        convert(source, tmp_path / "genres", lists=lists)
    with pytest.raises(ConfigError, match=r"train_filtered\.txt does not exist; expected train_filtered\.txt, valid"):
        convert(source, tmp_path / "genres", lists=source)


@pytest.mark.slow
def test_the_real_lists(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    """Over noise with the names of the excerpts, which nobody may hand out; the checksums tell it from them."""
    lists = real("gtzan_lists")
    checksums = lists / "kaggle_wav_sha256.txt"
    source = tmp_path / "gtzan"
    source.mkdir()
    sound = wav_bytes(noise(0.01, 22_050), 22_050)
    for genre in ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock"):
        for number in range(100):
            (source / f"{genre}.{number:05}.wav").write_bytes(sound)
    convert(source, tmp_path / "genres", lists=lists, link=True)
    rows = rows_of(tmp_path / "genres")
    assert Counter(row["split"] for row in rows) == {"train": 443, "validation": 197, "test": 290}
    assert len({row["path"] for row in rows}) == 930
    assert Counter(row["label"] for row in rows) == {
        "blues": 100, "classical": 99, "country": 98, "disco": 93, "hiphop": 92, "jazz": 87, "metal": 91, "pop": 84,
        "reggae": 86, "rock": 100,
    }  # fmt: skip
    first = rows[0]["path"].split("/")[1]
    with pytest.raises(ConfigError, match=rf"{first} has the SHA-256 {hashlib.sha256(sound).hexdigest()}, expected "):
        convert(source, tmp_path / "checked", lists=lists, checksums=checksums)
