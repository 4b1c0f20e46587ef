"""MTG-Jamendo from tiny splits of the published form and tracks of both copies."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import encoded, noise
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.mtg_jamendo import convert
from training.data.manifest import read_clips
from training.data.split import split_clips

Rows = Callable[[Path], list[dict[str, str]]]
HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
TRACKS = {
    "train": [("artist_000014", "14/214.mp3", "genre---punkrock"), ("artist_000015", "15/215.mp3", "genre---rock")],
    "validation": [("artist_000104", "73/773.mp3", "genre---rock\tgenre---electronic")],
    "test": [("artist_000316", "11/2011.mp3", "genre---electronic")],
}


def write_split(folder: Path, name: str, rows: list[tuple[str, str, str]], header: str = HEADER) -> None:
    path = folder / "data" / "splits" / "split-2" / f"autotagging_genre-{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"track_{i:07d}\t{artist}\talbum_000031\t{clip}\t124.6\t{tags}" for i, (artist, clip, tags) in enumerate(rows)
    ]
    path.write_text("\n".join([header, *lines]) + "\n")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The repository, and beside it the folder of tracks, `14/214` of which is of the smaller copy."""
    for name, rows in TRACKS.items():
        write_split(tmp_path / "repository", name, rows)
        for _, clip, _ in rows:
            path = tmp_path / "audio" / clip.replace("214.mp3", "214.low.mp3")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(noise(0.1), 16_000, "MP3"))
    return tmp_path / "repository"


def test_genres_and_an_official_split(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    options = [str(source), str(tmp_path / "genres"), "--audio", str(tmp_path / "audio"), "--split", "2"]
    answer = CliRunner().invoke(corpus, ["mtg-jamendo", *options])
    assert answer.exit_code == 0, answer.output
    assert "4 files; train 2, validation 1, test 1; 3 genres\n" in answer.output
    rows = rows_of(tmp_path / "genres")
    assert rows[2] == {
        "path": "73/773.mp3", "label": "rock|electronic", "split": "validation", "group": "artist_000104"
    }  # fmt: skip
    low = tmp_path / "audio" / "14" / "214.low.mp3"
    assert (tmp_path / "genres" / "14" / "214.mp3").read_bytes() == low.read_bytes()
    config = DataConfig(manifest="manifest.csv", split="split", group="group", kind="multi_label")
    split = split_clips(read_clips(tmp_path / "genres", config), test_fold=None, validation=0, seed=0)
    assert [clip.labels for clip in split.validation] == [("rock", "electronic")]


def test_an_artist_on_two_sides_is_named(source: Path, tmp_path: Path) -> None:
    write_split(source, "test", [("artist_000015", "11/2011.mp3", "genre---rock")])
    with pytest.raises(ConfigError, match=r"^artist_000015 is in both train and test; fetch the splits again$"):
        convert(source, tmp_path / "genres", audio=tmp_path / "audio", split=2)


def test_broken_tracks_are_named_or_left_out_on_request(source: Path, tmp_path: Path) -> None:
    (tmp_path / "audio" / "73" / "773.mp3").unlink()
    with pytest.raises(ConfigError, match=r"773\.mp3 cannot be used, fetch it again: "):
        convert(source, tmp_path / "genres", audio=tmp_path / "audio", split=2)
    summary = convert(source, tmp_path / "genres", audio=tmp_path / "audio", split=2, skip_broken=True)
    assert summary == "3 files; train 2, validation 0, test 1; 3 genres; left out as they cannot be read: 1, 773.mp3"


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (TRACKS["test"], "TRACK_ID\tTAGS", r"test\.tsv must begin with TRACK_ID ARTIST_ID ALBUM_ID PATH DURATION TAGS"),
        ([], HEADER, r"test\.tsv must begin with .* and have a row for each track; fetch it again"),
        ([("a", "1/1.mp3", "mood/theme---sad")], HEADER, r"^row 1 of .* must have an artist, a path and genres, it is"),
        ([("a", "../1.mp3", "genre---rock")], HEADER, r"^row 1 of .*test\.tsv leads out of its folder: \.\./1\.mp3$"),
    ],
)
def test_a_wrong_split_is_named(
    source: Path, tmp_path: Path, rows: list[tuple[str, str, str]], header: str, message: str
) -> None:
    write_split(source, "test", rows, header)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "genres", audio=tmp_path / "audio", split=2)


def test_what_is_missing_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="split must be from 0 to 4, got 5"):
        convert(source, tmp_path / "genres", split=5)
    with pytest.raises(
        ConfigError, match=r"split-0/autotagging_genre-train\.tsv does not exist|split-0 is not a folder"
    ):
        convert(source, tmp_path / "genres")
