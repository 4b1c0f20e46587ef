"""Tags over a batch: the labels decided for, under the names of the genre map, with one outcome for each file."""

from dataclasses import replace
from types import SimpleNamespace

import mutagen
import pytest

from audiocnn.batch.formats.cells import columns, rows
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.genre_map import GenreMap
from audiocnn.batch.result import FileResult, TagOutcome
from audiocnn.batch.tags.run import Tagger, check_tags
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN
from tests.batch.answers import answered, failed
from tests.batch.tags.recordings import RECORDINGS

ALL = Selection(1)


@pytest.fixture
def song(tmp_path):
    RECORDINGS["song.flac"](tmp_path / "song.flac")
    return str(tmp_path / "song.flac")


def labelled(path: str, *labels: str) -> FileResult:
    file = answered(path)
    return FileResult(path, replace(file.outcome, labels=labels))


def test_each_file_says_what_became_of_its_tags(song, tmp_path):
    RECORDINGS["song.mp3"](tmp_path / "song.mp3")
    tagger = Tagger(Selection(1, genre_map=GenreMap({"rock": "Rock & Roll", "jazz": ""})))
    files = [
        labelled(song, "rock", "pop"),
        labelled(str(tmp_path / "song.mp3"), "jazz"),
        labelled(str(tmp_path / "song.mp3")),
        answered(str(tmp_path / "song.mp3"), silent=True),
        failed(),
        labelled(str(tmp_path / "gone.mp3"), "rock"),
    ]
    done = list(tagger.tagged(files))
    assert [file.tag and file.tag.status for file in done] == [
        "written", "no_label", "no_label", "no_label", None, "failed"
    ]  # fmt: skip
    assert mutagen.File(song)["genre"] == ["Rock & Roll", "pop"]
    assert mutagen.File(tmp_path / "song.mp3").tags is None
    assert tagger.summary == "genres: 1 written, 3 without a label, 1 failed"
    assert tagger.failed == 1
    assert [file.path for file in done] == [file.path for file in files]


def test_a_rerun_finds_the_genre_there(song):
    assert [f.tag.status for f in Tagger(ALL).tagged([labelled(song, "rock")])] == ["written"]
    tagger = Tagger(ALL)
    assert [f.tag.status for f in tagger.tagged([labelled(song, "rock")])] == ["same"]
    assert tagger.summary == "genres: 1 there already"
    assert tagger.failed == 0


def test_another_genre_is_replaced_only_if_told(song):
    list(Tagger(ALL).tagged([labelled(song, "rock")]))
    assert [f.tag.status for f in Tagger(ALL).tagged([labelled(song, "pop")])] == ["kept"]
    assert [f.tag.status for f in Tagger(ALL, overwrite=True, dry_run=True).tagged([labelled(song, "pop")])] == [
        "would_write"
    ]
    assert mutagen.File(song)["genre"] == ["rock"]
    assert [f.tag.status for f in Tagger(ALL, overwrite=True).tagged([labelled(song, "pop")])] == ["written"]
    assert mutagen.File(song)["genre"] == ["pop"]


def test_no_label_below_the_threshold_is_written(song):
    tagger = Tagger(Selection(1, 0.2))
    (done,) = tagger.tagged([labelled(song, "rock", "pop", "jazz")])
    assert done.tag == TagOutcome("written", ("rock", "pop"))
    assert mutagen.File(song)["genre"] == ["rock", "pop"]
    (done,) = Tagger(Selection(1, 0.8)).tagged([labelled(song, "rock")])
    assert done.tag.status == "no_label"


def test_nothing_to_write_is_said_too():
    assert Tagger(ALL).summary == "genres: nothing to write"


def test_rows_say_what_was_written():
    file = replace(answered(), tag=TagOutcome("failed", ("rock",), ("pop",), "disk full"))
    assert file.to_json()["tag"] == {"status": "failed", "genres": ["rock"], "before": ["pop"], "detail": "disk full"}
    assert "tag" not in answered().to_json()
    selection = Selection(1, tags=True)
    (row,) = rows(file, selection)
    assert {name: row[name] for name in columns(selection) if name.startswith("tag")} == {
        "tag": "failed", "tag_genres": ["rock"], "tag_before": ["pop"], "tag_detail": "disk full"
    }  # fmt: skip
    assert not any(name.startswith("tag") for name in columns(Selection(1)))


@pytest.mark.parametrize(
    ("media", "kind", "said"),
    [("video", "single_label", "tags are for recordings"), ("audio", "regression", "answers with numbers")],
)
def test_models_without_genres_are_refused(media, kind, said):
    spec = SimpleNamespace(input=SimpleNamespace(media=media), tasks={MAIN: SimpleNamespace(kind=kind)})
    with pytest.raises(ConfigError, match=said):
        check_tags(spec)


def test_models_of_labels_for_sound_pass():
    check_tags(SimpleNamespace(input=SimpleNamespace(media="audio"), tasks={MAIN: SimpleNamespace(kind="binary")}))
