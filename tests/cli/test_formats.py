"""`audiocnn classify` in all its formats, and what it writes into recordings."""

import csv
import io
import json
import os
import shutil
import threading
from itertools import pairwise
from pathlib import Path

import mutagen
import pytest
import soundfile
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from pyarrow import parquet as pq

from audiocnn import Classifier
from audiocnn.batch.tags import run as tags
from audiocnn.cli.main import cli
from tests.audio_files import encoded, music, silence, wav_bytes


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Two songs, a silent file and a broken one."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "a.wav").write_bytes(wav_bytes(music(seconds=7)))
    (folder / "sub").mkdir()
    (folder / "sub" / "b.flac").write_bytes(encoded(music(seconds=9, seed=1)))
    (folder / "sub" / "silent.wav").write_bytes(wav_bytes(silence(seconds=5)))
    (folder / "sub" / "z.mp3").write_bytes(b"broken")
    return folder


@pytest.fixture
def songs(library, tiny_model, tmp_path, monkeypatch):
    """A copy of the library, as `songs` in the current folder, for a model that always decides for a label."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUDIOCNN_CLASSIFY_MODEL", str(tiny_model))
    return shutil.copytree(library, tmp_path / "songs")


@pytest.fixture(scope="module")
def labels(library, tiny_model):
    """Those of the two songs."""
    classifier = Classifier.load(tiny_model)
    return [classifier.classify(str(library / name)).labels[0] for name in ("a.wav", "sub/b.flac")]


def run(*arguments, code=0):
    result = CliRunner().invoke(cli, ["classify", *map(str, arguments)], auto_envvar_prefix="AUDIOCNN")
    assert result.exit_code == code, result.output
    return result


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ALL = "csv,jsonl,parquet,audacity,m3u8,jams"
PATHS = ["songs/a.wav", "songs/sub/b.flac", "songs/sub/silent.wav", "songs/sub/z.mp3"]


def test_all_formats_at_once(songs, labels):
    run("-r", "songs", "-o", "out", "--format", ALL, code=1)
    assert sorted(os.listdir()) == ["out", "out.journal", "songs"]
    assert [row["path"] for row in rows("out/results.csv")] == PATHS
    with open("out/results.jsonl") as lines:
        assert [json.loads(line)["path"] for line in lines] == PATHS
    table = pq.read_table("out/results.parquet")
    assert table["path"].to_pylist() == PATHS
    assert table["labels"].to_pylist() == [[labels[0]], [labels[1]], [], None]
    assert [row["labels"] for row in rows("out/results.csv")] == [*labels, "", ""]
    assert sorted(os.listdir("out/audacity/songs/sub")) == ["b.flac.txt", "silent.wav.txt"]
    assert Path("out/audacity/songs/sub/b.flac.txt").read_text()
    assert sorted(os.listdir("out/jams/songs/sub")) == ["b.flac.jams", "silent.wav.jams"]
    assert all(part["data"] for part in json.loads(Path("out/jams/songs/sub/b.flac.jams").read_text())["annotations"])
    assert {path.stem for path in Path("out/playlists").glob("*.m3u8")} == set(labels)
    assert Path(f"out/playlists/{labels[0]}.m3u8").read_text().split("\n")[3] == "../../songs/a.wav"


def test_another_format_needs_no_new_classification(songs):
    run("-r", "songs", "-o", "out", "--format", "csv,jams", code=1)
    result = run("-r", "songs", "-o", "out", "--format", "csv,audacity", "--segments", "--top-k", 1, code=1)
    assert "4 by an earlier run" in result.stderr
    assert os.listdir("out/audacity/songs/sub")


@pytest.mark.parametrize("name", ["audacity", "m3u8", "jams"])
def test_a_folder_format_alone_writes_into_out_itself(songs, name):
    run("songs/a.wav", "-o", "out/", "--format", name)
    assert not {"audacity", "playlists", "jams"} & set(os.listdir("out"))
    assert [n for n in os.listdir("out") if not n.startswith(".")]


def test_the_ending_parquet_is_enough(songs):
    run("songs/a.wav", "-o", "rows.parquet")
    assert pq.read_table("rows.parquet")["path"].to_pylist() == ["songs/a.wav"]


def test_a_pipe_takes_parquet_and_gets_no_journal(songs, tmp_path):
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_bytes()), daemon=True)
    reader.start()
    run("songs/a.wav", "-o", "pipe", "--format", "parquet")
    reader.join(timeout=10)
    assert pq.read_table(io.BytesIO(read[0]))["path"].to_pylist() == ["songs/a.wav"]
    assert sorted(os.listdir(tmp_path)) == ["pipe", "songs"]


def test_runs_of_windows_are_merged_if_that_is_asked_for(songs):
    run("songs/sub/b.flac", "-o", "out.csv", "--segments")
    apart = rows("out.csv")
    run("songs/sub/b.flac", "-o", "out.csv", "--segments", "--merge-consecutive")
    merged = rows("out.csv")
    changes = 1 + sum(a["label"] != b["label"] for a, b in pairwise(apart))
    assert len(merged) == changes < len(apart)
    assert (merged[0]["start_s"], merged[-1]["end_s"]) == (apart[0]["start_s"], apart[-1]["end_s"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "parquet"], "--format parquet needs -o OUT"),
        (["--format", "csv,jsonl"], "--format csv,jsonl needs -o OUT"),
        (["--format", "csv,,jsonl"], "'' is not one of csv, jsonl"),
        (["-o", "songs", "--format", "parquet"], "parquet goes into a file, and songs is a folder"),
        (["-o", "songs/a.wav", "--format", "csv,jsonl"], "goes into a folder, and songs/a.wav is none"),
        (["-o", "songs/a.wav", "--format", "m3u8"], "m3u8 goes into a folder, and songs/a.wav is none"),
        (["-o", "x.wav", "--format", "parquet"], "would get parquet: name it results.parquet"),
        (["-o", "new/"], "jsonl goes into a file, and new/ names a folder"),
        (["-o", "new/", "--format", "csv"], "csv goes into a file, and new/ names a folder"),
        (["-o", "x.m4a"], "x.m4a is called like audio"),
        (["-o", "rock.M3U8"], "m3u8 is many files in a folder, and rock.M3U8 looks like one"),
        (["--dry-run"], "--dry-run is about tags"),
        (["--overwrite"], "--overwrite is about tags"),
        (["--genre-map", "map.toml"], "--genre-map names tags and playlists"),
        (["--merge-consecutive"], "--merge-consecutive is about windows"),
        (["--write-tags", "--genre-map", "gone.toml"], "cannot read the genre map gone.toml"),
        (["--write-tags", "--genre-map", "strange.toml"], "strange.toml names none of the labels "),
        (["--write-tags", "--model", "moving-digits"], "tags are for recordings, and this model labels video files"),
        (["-o", "out", "--format", "jams", "--model", "moving-digits"], "jams holds annotations of sound"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(songs, tmp_path, arguments, said):
    (tmp_path / "strange.toml").write_text('polka = "Polka"')
    before = sorted(os.listdir(tmp_path))
    assert said in run("songs/a.wav", *arguments, code=2).stderr
    assert sorted(os.listdir(tmp_path)) == before


def test_formats_are_completed_one_by_one():
    def completed(text):
        complete = ShellComplete(cli, {}, "audiocnn", "_AUDIOCNN_COMPLETE")
        return [item.value for item in complete.get_completions(["classify", "--format"], text)]

    assert completed("") == ALL.split(",")
    assert completed("csv,j") == ["csv,jsonl", "csv,jams"]
    assert completed("csv,cs") == []


class TestTags:
    def test_labels_become_genres_and_a_rerun_has_nothing_to_do(self, songs, labels):
        result = run("-r", "songs", "-o", "out.csv", "--write-tags", code=1)
        assert "genres: 2 written, 1 without a label\n" in result.stderr
        assert [row["tag"] for row in rows("out.csv")] == ["written", "written", "no_label", ""]
        assert [row["tag_genres"] for row in rows("out.csv")] == [*labels, "", ""]
        assert mutagen.File("songs/sub/b.flac")["genre"] == [labels[1]]
        assert mutagen.File("songs/a.wav").tags["TCON"].text == [labels[0]]
        assert mutagen.File("songs/sub/silent.wav").tags is None
        before = {path: os.stat(path).st_mtime_ns for path in PATHS}
        result = run("-r", "songs", "-o", "out.csv", "--write-tags", code=1)
        assert "genres: 2 there already, 1 without a label\n" in result.stderr
        assert "4 by an earlier run" in result.stderr  # new tags are no new recordings
        assert {path: os.stat(path).st_mtime_ns for path in PATHS} == before

    def test_without_the_option_no_file_is_touched(self, songs):
        before = {path: (os.stat(path).st_mtime_ns, Path(path).read_bytes()) for path in PATHS}
        run("-r", "songs", "-o", "out", "--format", ALL, code=1)
        run("-r", "songs", "-o", "tags.jsonl", "--write-tags", "--dry-run", "--overwrite", code=1)
        assert {path: (os.stat(path).st_mtime_ns, Path(path).read_bytes()) for path in PATHS} == before
        with open("tags.jsonl") as lines:
            found = [json.loads(line).get("tag", {}).get("status") for line in lines]
        assert found == ["would_write", "would_write", "no_label", None]

    def test_names_come_from_the_genre_map_for_playlists_too(self, songs, tmp_path, labels):
        (tmp_path / "map.toml").write_text(f'{labels[0]} = "My Genre"\npolka = "Polka"')
        result = run(
            "songs/a.wav", "--write-tags", "--genre-map", "map.toml", "-o", "out", "--format", "csv,m3u8", "--segments"
        )
        assert "map.toml: the model has no label 'polka'\n" in result.stderr
        assert mutagen.File("songs/a.wav").tags["TCON"].text == ["My Genre"]
        assert (tmp_path / "out" / "playlists" / "My Genre.m3u8").exists()
        assert {row["labels"] for row in rows("out/results.csv")} == {labels[0]}

    def test_another_genre_stays_unless_told(self, songs, labels):
        file = mutagen.File("songs/sub/b.flac")
        file["genre"] = "Mine"
        file.save()
        assert "genres: 1 kept as they were\n" in run("songs/sub/b.flac", "--write-tags").stderr
        assert mutagen.File("songs/sub/b.flac")["genre"] == ["Mine"]
        assert "genres: 1 written\n" in run("songs/sub/b.flac", "--write-tags", "--overwrite").stderr
        assert mutagen.File("songs/sub/b.flac")["genre"] == [labels[1]]

    def test_a_tag_that_cannot_be_written_is_exit_code_1(self, songs):
        samples, rate = soundfile.read("songs/a.wav")
        soundfile.write("songs/a.au", samples, rate)
        result = run("songs/a.au", "--write-tags", code=1)
        assert "genres: 1 in files without such tags\n" in result.stderr
        assert json.loads(result.stdout)["tag"]["status"] == "unsupported"

    def test_ctrl_c_among_the_tags_leaves_out_alone_and_the_next_run_goes_on(self, songs, monkeypatch):
        write = tags.write_genres

        def interrupted(path, *arguments, **options):
            if path == PATHS[1]:
                raise KeyboardInterrupt
            return write(path, *arguments, **options)

        Path("out.csv").write_text("old")
        with monkeypatch.context() as patch:
            patch.setattr(tags, "write_genres", interrupted)
            result = run("-r", "songs", "-o", "out.csv", "--write-tags", code=130)
        assert "stopped while writing, after 1 files; they are in " in result.stderr
        assert "genres: 1 written\n" in result.stderr
        assert Path("out.csv").read_text() == "old"
        result = run("-r", "songs", "-o", "out.csv", "--write-tags", code=1)
        assert "genres: 1 written, 1 there already, 1 without a label\n" in result.stderr
        assert "4 by an earlier run" in result.stderr

    def test_quiet_says_nothing(self, songs):
        assert run("songs/a.wav", "--write-tags", "--quiet").stderr == ""
