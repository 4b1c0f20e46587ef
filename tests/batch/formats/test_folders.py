"""Label tracks, playlists and JAMS: read back as their programs read them."""

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

from audiocnn.batch.formats.outputs import FORMATS, check_formats, outputs
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.genre_map import GenreMap
from audiocnn.batch.result import FileResult
from audiocnn.errors import ConfigError
from audiocnn.prediction import SegmentResult
from audiocnn.spec import MAIN, TaskSpec
from audiocnn.waveform import Segment
from tests.batch.answers import LABELS, answered, estimated, failed, predictions

SINGLE = {MAIN: TaskSpec("single_label", LABELS)}


def write(path: Path, names: list[str], selection: Selection, *files: FileResult) -> None:
    with outputs(path, names, selection) as writer:
        for file in files:
            writer.write(file)


def heard(path: str = "song.wav", *scores: tuple[float, ...], labels: tuple[str, ...] = LABELS[:1]) -> FileResult:
    """Windows of 4 s every 4 s with `scores` for rock, pop and jazz, and `labels` decided for."""
    file = answered(path)
    segments = tuple(
        SegmentResult(
            Segment(i * 64_000, (i + 1) * 64_000, 16_000),
            False,
            tuple(sorted(predictions(*found), key=lambda prediction: -prediction.score)),
        )
        for i, found in enumerate(scores)
    )
    return FileResult(path, replace(file.outcome, segments=segments, labels=labels))


class TestAudacity:
    def labels(self, folder: Path, name: str) -> list[tuple[float, float, str]]:
        rows = [line.split("\t") for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        assert all(len(row) == 3 for row in rows)
        return [(float(start), float(end), text) for start, end, text in rows]

    def test_a_line_for_each_window_that_is_not_silent(self, tmp_path):
        write(tmp_path, ["audacity"], Selection(5, tasks=SINGLE), answered("music/song.wav"), failed())
        assert self.labels(tmp_path, "music/song.wav.txt") == [(0.0, 4.0, "rock 0.70")]
        assert not (tmp_path / "bad.wav.txt").exists()

    def test_only_the_best_label_and_only_from_the_threshold_on(self, tmp_path):
        file = heard("a.wav", (0.7, 0.2, 0.1), (0.4, 0.3, 0.3), (0.1, 0.1, 0.8))
        write(tmp_path, ["audacity"], Selection(5, 0.5, tasks=SINGLE), file)
        assert self.labels(tmp_path, "a.wav.txt") == [(0.0, 4.0, "rock 0.70"), (8.0, 12.0, "jazz 0.80")]

    def test_of_several_labels_those_that_are_decided_for(self, tmp_path):
        tasks = {MAIN: TaskSpec("multi_label", LABELS, thresholds=(0.5, 0.1, 0.5))}
        write(tmp_path, ["audacity"], Selection(1, tasks=tasks), heard("a.wav", (0.7, 0.2, 0.1), (0.4, 0.05, 0.3)))
        assert self.labels(tmp_path, "a.wav.txt") == [(0.0, 4.0, "rock 0.70"), (0.0, 4.0, "pop 0.20")]

    def test_runs_of_a_label_are_one_line_if_that_is_asked_for(self, tmp_path):
        file = heard("a.wav", (0.7, 0.2, 0.1), (0.5, 0.3, 0.2), (0.1, 0.1, 0.8))
        write(tmp_path, ["audacity"], Selection(5, tasks=SINGLE, merge=True), file)
        assert self.labels(tmp_path, "a.wav.txt") == [(0.0, 8.0, "rock 0.60"), (8.0, 12.0, "jazz 0.80")]

    def test_estimates_are_words(self, tmp_path):
        write(tmp_path, ["audacity"], Selection(1), estimated("a.wav"))
        assert [text for _, _, text in self.labels(tmp_path, "a.wav.txt")] == ["tempo 123.5 BPM", "swing 2.5e-07"]

    def test_two_recordings_of_one_name_have_a_track_each(self, tmp_path):
        names = ["/a/song.wav", "a/song.wav", "a/song.mp3"]
        write(tmp_path, ["audacity"], Selection(5, tasks=SINGLE), *map(answered, names))
        assert sorted(os.listdir(tmp_path / "a")) == ["song.mp3.txt", "song.wav (2).txt", "song.wav.txt"]


class TestPlaylists:
    def entries(self, playlist: Path) -> list[str]:
        """The files a player would open, which must be there."""
        first, second, *lines = playlist.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        assert first == "#EXTM3U"
        assert second.startswith("#PLAYLIST:")
        found = [line for line in lines if line and not line.startswith("#")]
        paths = [unquote(urlsplit(line).path) if line.startswith("file:") else playlist.parent / line for line in found]
        assert all(os.path.exists(path) for path in paths)
        return [os.path.realpath(path) for path in paths]

    def test_a_file_is_in_the_playlist_of_its_label_only(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names = ["rock.wav", "jazz.wav", "both.wav", "unknown.wav", "silent.wav", "bad.wav"]
        for name in names:
            Path(name).touch()
        write(
            Path("out/lists"),
            ["m3u8"],
            Selection(5, tasks=SINGLE),
            heard("rock.wav"),
            heard("jazz.wav", labels=("jazz",)),
            heard("both.wav", labels=("rock", "jazz")),
            heard("unknown.wav", labels=()),
            answered("silent.wav", silent=True),
            failed("bad.wav"),
        )
        lists = tmp_path / "out" / "lists"
        assert sorted(path.name for path in lists.glob("*.m3u8")) == ["jazz.m3u8", "rock.m3u8"]
        assert self.entries(lists / "rock.m3u8") == [str(tmp_path / "rock.wav"), str(tmp_path / "both.wav")]
        assert self.entries(lists / "jazz.m3u8") == [str(tmp_path / "jazz.wav"), str(tmp_path / "both.wav")]

    def test_a_playlist_is_what_players_expect(self, tmp_path):
        write(tmp_path / "lists", ["m3u8"], Selection(5, tasks=SINGLE), heard(str(tmp_path / "My song.wav")))
        text = (tmp_path / "lists" / "rock.m3u8").read_text()
        assert text == "#EXTM3U\n#PLAYLIST:rock\n#EXTINF:6,My song\n../My song.wav\n"

    @pytest.mark.parametrize("name", ["ünï 音楽.wav", "line\nbreak.wav", "#1 hit.wav", "caf\udce9.wav", "cr\r.wav"])
    def test_strange_names_are_found(self, tmp_path, name):
        (tmp_path / name).touch()
        write(tmp_path, ["m3u8"], Selection(5, tasks=SINGLE), heard(str(tmp_path / name)))
        assert self.entries(tmp_path / "rock.m3u8") == [str(tmp_path / name)]

    def test_dots_behind_a_link_lead_where_they_lead_the_system(self, tmp_path):
        (tmp_path / "far" / "away").mkdir(parents=True)
        (tmp_path / "far" / "song.wav").touch()
        (tmp_path / "near").symlink_to("far/away")
        song = f"{tmp_path}/near/../song.wav"
        write(tmp_path / "lists", ["m3u8"], Selection(5, tasks=SINGLE), heard(song))
        assert self.entries(tmp_path / "lists" / "rock.m3u8") == [str(tmp_path / "far" / "song.wav")]

    def test_labels_below_the_threshold_have_none(self, tmp_path):
        for threshold, names in ((0.7, ["rock.m3u8"]), (0.71, [])):
            lists = tmp_path / str(threshold)
            write(lists, ["m3u8"], Selection(5, threshold, tasks=SINGLE), heard(labels=("rock", "jazz")))
            assert [path.name for path in lists.glob("*.m3u8")] == names

    def test_names_come_from_the_genre_map(self, tmp_path):
        genre_map = GenreMap({"rock": "Rock/Metal: all", "pop": "Rock-Metal- all", "jazz": ""})
        files = [heard(f"{label}.wav", labels=(label,)) for label in LABELS]
        write(tmp_path, ["m3u8"], Selection(5, tasks=SINGLE, genre_map=genre_map), *files)
        lists = {path.name: path.read_text().split("\n")[1] for path in tmp_path.glob("*.m3u8")}
        assert lists == {
            "Rock-Metal- all.m3u8": "#PLAYLIST:Rock/Metal: all",
            "Rock-Metal- all (2).m3u8": "#PLAYLIST:Rock-Metal- all",
        }

    @pytest.mark.parametrize("name", ["..", ".hidden", "trailing.", "../../up"])
    def test_no_label_leads_out_of_the_folder(self, tmp_path, name):
        genre_map = GenreMap({"rock": name})
        write(tmp_path / "lists", ["m3u8"], Selection(5, tasks=SINGLE, genre_map=genre_map), heard())
        assert len(list((tmp_path / "lists").glob("*.m3u8"))) == 1
        assert os.listdir(tmp_path) == ["lists"]


class TestJams:
    def jams(self, path: Path) -> dict:
        """The document, checked against what the published schema demands."""
        found = json.loads(path.read_text())
        assert set(found) == {"file_metadata", "annotations", "sandbox"}
        length_s = found["file_metadata"]["duration"]
        assert length_s >= 0
        for annotation in found["annotations"]:
            assert annotation["namespace"] == "tag_open"
            assert {"name", "email"} == set(annotation["annotation_metadata"]["curator"])
            for tag in annotation["data"]:
                assert set(tag) == {"time", "duration", "value", "confidence"}
                assert isinstance(tag["value"], str)
                assert tag["time"] >= 0
                assert 0 <= tag["confidence"] <= 1
                assert tag["time"] + tag["duration"] <= annotation["duration"] == length_s
        return found

    def test_the_file_and_its_windows_are_two_annotations(self, tmp_path):
        file = answered("music/song.wav")
        write(tmp_path, ["jams"], Selection(3, 0.15, tasks=SINGLE), file, failed())
        found = self.jams(tmp_path / "music" / "song.wav.jams")
        assert not (tmp_path / "bad.wav.jams").exists()
        whole, windows = (annotation["data"] for annotation in found["annotations"])
        assert whole == [
            {"time": 0.0, "duration": 6.0, "value": "rock", "confidence": 0.7},
            {"time": 0.0, "duration": 6.0, "value": "pop", "confidence": 0.2},
        ]
        assert [(tag["time"], tag["duration"], tag["value"]) for tag in windows] == [
            (0.0, 4.0, "rock"), (0.0, 4.0, "pop")
        ]  # fmt: skip
        assert found["sandbox"]["audiocnn"] == file.to_json(top_k=3, threshold=0.15)
        assert found["file_metadata"]["title"] == "song"

    def test_estimates_are_words(self, tmp_path):
        write(tmp_path, ["jams"], Selection(1), estimated("a.wav"))
        whole = self.jams(tmp_path / "a.wav.jams")["annotations"][0]["data"]
        assert [tag["value"] for tag in whole] == ["tempo 123.5 BPM", "swing 2.5e-07"]

    def test_names_that_are_not_utf8_stay(self, tmp_path):
        write(tmp_path, ["jams"], Selection(1, tasks=SINGLE), answered("caf\udce9.wav"))
        found = self.jams(tmp_path / "caf\udce9.wav.jams")
        assert found["file_metadata"]["identifiers"]["path"] == "caf\udce9.wav"


class TestSeveralAtOnce:
    def test_each_has_its_place_in_the_folder(self, tmp_path):
        out = tmp_path / "deep" / "out"
        write(out, list(FORMATS), Selection(1, tasks=SINGLE), answered("a/song.wav"))
        assert sorted(path.name for path in out.iterdir()) == [
            "audacity", "jams", "playlists", "results.csv", "results.jsonl", "results.parquet"
        ]  # fmt: skip
        assert (out / "audacity" / "a" / "song.wav.txt").exists()
        assert (out / "playlists" / "rock.m3u8").exists()
        assert (out / "jams" / "a" / "song.wav.jams").exists()

    def test_a_crash_leaves_all_of_them_as_they_were(self, tmp_path):
        selection = Selection(1, tasks=SINGLE)
        write(tmp_path, list(FORMATS), selection, answered("old.wav"))

        def crash():
            with outputs(tmp_path, list(FORMATS), selection) as writer:
                writer.write(answered("new.wav"))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            crash()
        assert "old.wav" in (tmp_path / "results.csv").read_text()
        assert (tmp_path / "jams" / "old.wav.jams").exists()
        assert not (tmp_path / "jams" / "new.wav.jams").exists()


@pytest.mark.parametrize(
    ("name", "media", "kind", "said"),
    [
        ("audacity", "image", "single_label", "audacity holds labels over time, and this model labels image files"),
        ("jams", "video", "single_label", "jams holds annotations of sound"),
        ("m3u8", "audio", "regression", "a playlist for each label, and this model answers with numbers"),
    ],
)
def test_formats_that_cannot_hold_the_answers_are_refused(name, media, kind, said):
    spec = SimpleNamespace(input=SimpleNamespace(media=media), tasks={MAIN: SimpleNamespace(kind=kind)})
    with pytest.raises(ConfigError, match=said):
        check_formats([name], spec)
    check_formats(["csv", "jsonl", "parquet"], spec)
