"""FMA from a tiny table with its three header rows and tracks of the published names."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import encoded, noise
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.fma import convert
from training.data.manifest import read_clips
from training.data.split import split_clips

Rows = Callable[[Path], list[dict[str, str]]]

HEADER = [
    ["", "album", "artist", "artist", "set", "set", "track", "track"],
    ["", "information", "bio", "id", "split", "subset", "genre_top", "license"],
    ["track_id"] + [""] * 7,
]
TRACKS = [
    ["2", "a", "Lived.\nDied.", "1", "training", "small", "Hip-Hop", "CC BY"],
    ["5", "a", "", "2", "training", "small", "Rock", "CC BY"],
    ["10", "a", "x" * 200_000, "3", "validation", "small", "Rock", "CC BY-NC"],
    ["140", "a", "", "4", "test", "small", "Hip-Hop", "CC BY"],
    ["141", "a", "", "5", "training", "medium", "Folk", "CC BY"],
    ["142", "a", "", "6", "training", "large", "", "CC BY"],
    ["133297", "a", "", "7", "training", "small", "Rock", "CC BY"],
]


def write_table(folder: Path, rows: list[list[str]]) -> None:
    (folder / "fma_metadata").mkdir(exist_ok=True)
    with (folder / "fma_metadata" / "tracks.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "fma"
    folder.mkdir()
    write_table(folder, HEADER + TRACKS)
    for number, *_, subset, _, _ in TRACKS:
        for archive in ("small", "medium") if subset == "small" else ("medium",):
            name = f"{int(number):06d}"
            path = folder / f"fma_{archive}" / name[:3] / f"{name}.mp3"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(noise(0.1), 16_000, "MP3"))
    return folder


def test_genres_and_the_official_split(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["fma", str(source), str(tmp_path / "small")])
    assert answer.exit_code == 0, answer.output
    assert "5 files; test 1, train 3, validation 1; Hip-Hop 2, Rock 3\n" in answer.output
    rows = rows_of(tmp_path / "small")
    assert rows[2] == {
        "path": "Rock/000010.mp3", "label": "Rock", "split": "validation", "group": "3", "licence": "CC BY-NC"
    }  # fmt: skip
    config = DataConfig(manifest="manifest.csv", split="split", group="group")
    clips = read_clips(tmp_path / "small", config)
    assert len(split_clips(clips, test_fold=None, validation=0, seed=0).train) == 3


def test_medium_holds_small_as_well(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(source, tmp_path / "medium", subset="medium", link=True)
    rows = rows_of(tmp_path / "medium")
    assert sorted(row["label"] for row in rows) == ["Folk", "Hip-Hop", "Hip-Hop", "Rock", "Rock", "Rock"]
    assert (tmp_path / "medium" / "Folk" / "000141.mp3").samefile(source / "fma_medium" / "000" / "000141.mp3")


def test_tracks_known_to_be_broken_are_left_out_and_others_on_request(source: Path, tmp_path: Path) -> None:
    audio = source / "fma_small"
    (audio / "133" / "133297.mp3").write_bytes(b"")
    summary = convert(source, tmp_path / "small")
    assert summary.startswith("4 files")
    assert summary.endswith("; left out as they cannot be read: 1, 133297.mp3")
    (audio / "000" / "000005.mp3").write_bytes(b"broken")
    with pytest.raises(ConfigError, match=r"000005\.mp3 cannot be used, fetch it again: "):
        convert(source, tmp_path / "more")
    answer = CliRunner().invoke(corpus, ["fma", str(source), str(tmp_path / "more"), "--skip-broken"])
    assert answer.exit_code == 0, answer.output
    assert "left out as they cannot be read: 2, 000005.mp3, 133297.mp3" in answer.output


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], r"^.*tracks\.csv must have three header rows, the last of which begins with track_id, and the columns"),
        (HEADER, r"tracks\.csv has no track of the subset small; fetch it again$"),
        (HEADER[1:] + TRACKS, r"must have three header rows, the last of which begins with track_id, and the columns"),
        ([row[:-2] for row in HEADER + TRACKS], r"and the columns set split, set subset, track genre_top, track lic"),
        ([*HEADER, TRACKS[0][:-1]], r"^line 4 of .*tracks\.csv has 7 values, expected 8; fetch it again$"),
        ([*HEADER, TRACKS[5]], r"tracks\.csv has no track of the subset small; fetch it again$"),
        (
            [*HEADER, TRACKS[0], [*TRACKS[1][:-2], "", "CC BY"]],
            r"^line 5 of .* must have a number, a split and a genre, it has '5', 'training' and ''; fetch it again$",
        ),
    ],
)
def test_a_wrong_table_is_named(source: Path, tmp_path: Path, rows: list[list[str]], message: str) -> None:
    write_table(source, rows)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "small")
    assert not (tmp_path / "small").exists()


def test_what_is_missing_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="subset must be small or medium, got 'large'"):
        convert(source, tmp_path / "x", subset="large")
    (source / "fma_small").rename(source / "fma")
    with pytest.raises(ConfigError, match=r"fma_small is not a folder; expected one with 000/000002\.mp3 and so on"):
        convert(source, tmp_path / "x")
