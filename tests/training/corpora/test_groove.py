"""Groove MIDI: folds and tables without sound, and beats rendered by the real fluidsynth where it is installed; the
published ones too, where they are."""

import csv
import shutil
import stat
import struct
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.training.corpora.soundfont import click_soundfont
from training.cli.corpus import corpus
from training.config import DataConfig, QuantityConfig
from training.corpora.groove import SOUNDFONT, convert, drummer_folds
from training.data.manifest import read_clips
from training.data.split import split_clips

Rows = Callable[[Path], list[dict[str, str]]]
HEADER = ["drummer", "session", "id", "style", "bpm", "beat_type", "time_signature", "midi_filename"]
HEADER += ["audio_filename", "duration", "split"]
MIDI = "a.mid"
DRUMMERS = ("drummer1", "drummer1", "drummer1", "drummer2", "drummer2", "drummer3", "drummer4", "drummer5", "drummer6")

with_fluidsynth = pytest.mark.skipif(
    not shutil.which("fluidsynth"), reason="nothing can be rendered: apt-get install fluidsynth"
)


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("soundfont") / "clicks.sf2"
    path.write_bytes(click_soundfont())
    return path


def midi(bpm: float, beats: int, note: int = 36) -> bytes:
    """A MIDI file that plays a drum on each beat."""
    tempo = b"\x00\xff\x51\x03" + round(60e6 / bpm).to_bytes(3, "big")
    hit = bytes([0x00, 0x99, note, 100, 0x60, 0x89, note, 0])
    track = tempo + hit * beats + b"\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 0x60) + b"MTrk" + struct.pack(">I", len(track)) + track


def row(index: int, drummer: str, **changes: object) -> dict[str, object]:
    name = f"{drummer}/session1/{index}"
    return {
        "drummer": drummer, "session": f"{drummer}/session1", "id": name, "style": "rock/indie", "bpm": 120,
        "beat_type": "beat", "time_signature": "4-4", "midi_filename": f"{name}.mid", "audio_filename": "",
        "duration": 2.0, "split": "train", **changes,
    }  # fmt: skip


def write_table(folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with (folder / "info.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Nine beats of six drummers and a fill."""
    folder = tmp_path / "groove"
    rows = [row(index, drummer) for index, drummer in enumerate(DRUMMERS)]
    rows.append(row(99, "drummer1", beat_type="fill", midi_filename="not there.mid"))
    for one in rows[:-1]:
        path = folder / str(one["midi_filename"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(midi(120, 6))
    write_table(folder, rows)
    return folder


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A program named fluidsynth that runs Python code with its arguments, and a soundfont for it."""

    def write(code: str) -> Path:
        program = tmp_path / "bin" / "fluidsynth"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent))
        soundfont = tmp_path / "drums.sf2"
        soundfont.touch()
        return soundfont

    return write


class TestFolds:
    def test_whole_drummers_fill_the_smallest_fold(self) -> None:
        folds = drummer_folds(DRUMMERS)
        assert folds == {f"drummer{i}": str(i) for i in (1, 2, 3, 4, 5)} | {"drummer6": "3"}

    def test_those_of_the_published_set_differ_by_a_tenth(self) -> None:
        numbers = {7: 108, 3: 94, 1: 86, 8: 80, 5: 54, 9: 30, 2: 17, 6: 15, 10: 10, 4: 9}
        folds = drummer_folds([f"drummer{drummer}" for drummer, count in numbers.items() for _ in range(count)])
        sizes = Counter[str]()
        for drummer, count in numbers.items():
            sizes[folds[f"drummer{drummer}"]] += count
        assert sorted(sizes.values()) == [96, 97, 99, 103, 108]

    def test_fewer_drummers_than_folds_are_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"^5 folds need as many drummers, the table has beats of 3$"):
            drummer_folds(["a", "b", "c", "a"])


@with_fluidsynth
class TestRendering:
    def test_beats_sound_at_their_tempo(self, source: Path, tmp_path: Path, clicks: Path, rows_of: Rows) -> None:
        options = [str(source), str(tmp_path / "beats"), "--soundfont", str(clicks), "--seconds", "1.6"]
        answer = CliRunner().invoke(corpus, ["groove", *options])
        assert answer.exit_code == 0, answer.output
        assert "9 files; 1 3, 2 2, 3 2, 4 1, 5 1; rock 9\n" in answer.output
        rows = rows_of(tmp_path / "beats")
        assert rows[0] == {
            "path": "rock/drummer1-session1-0.flac", "label": "rock", "bpm": "120", "beat_type": "beat",
            "style": "rock/indie", "time_signature": "4-4", "fold": "1", "group": "drummer1", "official": "train",
        }  # fmt: skip
        samples, sample_rate = soundfile.read(tmp_path / "beats" / rows[0]["path"])
        assert (len(samples), sample_rate, samples.ndim) == (35_280, 22_050, 1)
        loud_s = np.flatnonzero(np.abs(samples) > 0.9 * np.abs(samples).max()) / sample_rate
        np.testing.assert_allclose(np.unique(loud_s.round(1)), [0, 0.5, 1, 1.5])

    def test_the_folds_train_a_regression(self, source: Path, tmp_path: Path, clicks: Path) -> None:
        convert(source, tmp_path / "beats", soundfont=clicks)
        quantities = {"bpm": QuantityConfig("BPM", (20.0, 400.0))}
        config = DataConfig(
            manifest="manifest.csv", fold="fold", group="group", kind="regression", quantities=quantities
        )
        split = split_clips(read_clips(tmp_path / "beats", config), test_fold="3", validation=0, seed=0)
        assert {clip.group for clip in split.test} == {"drummer3", "drummer6"}
        assert split.test[0].values == {"bpm": 120.0}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"not MIDI", r"^fluidsynth could not render .*6\.mid: .*not a SoundFont or MIDI file"),
            (midi(120, 0), r"6\.mid came out silent: no notes, or no drums in the soundfont$"),
        ],
    )
    def test_a_file_without_drums_is_named(
        self, source: Path, tmp_path: Path, clicks: Path, content: bytes, message: str
    ) -> None:
        (source / "drummer4" / "session1" / "6.mid").write_bytes(content)
        with pytest.raises(ConfigError, match=message):
            convert(source, tmp_path / "beats", soundfont=clicks)
        assert not (tmp_path / "beats").exists()

    def test_a_broken_soundfont_is_not_replaced_by_another(self, source: Path, tmp_path: Path, clicks: Path) -> None:
        broken = tmp_path / "broken.sf2"
        broken.write_bytes(clicks.read_bytes()[:200])
        with pytest.raises(ConfigError, match=r"\.mid came out silent: .*[Ff]ailed to load"):
            convert(source, tmp_path / "beats", soundfont=broken)

    @pytest.mark.skipif(not SOUNDFONT.is_file(), reason="no drums of Debian's: apt-get install fluid-soundfont-gm")
    def test_the_soundfont_of_debian_drums(self, source: Path, tmp_path: Path) -> None:
        write_table(source, [row(index, f"drummer{index}", midi_filename=MIDI) for index in range(5)])
        (source / MIDI).write_bytes(midi(120, 6))
        assert convert(source, tmp_path / "beats").startswith("5 files; 1 1, 2 1, 3 1, 4 1, 5 1")


class TestWhatIsMissing:
    def test_programs_and_soundfonts_name_their_packages(
        self, source: Path, tmp_path: Path, stub: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stub("")
        with pytest.raises(ConfigError, match=r"no soundfont .*x\.sf2: install the packages .* fluid-soundfont-gm"):
            convert(source, tmp_path / "beats", soundfont=tmp_path / "x.sf2")
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ConfigError, match=r"not installed: install the packages fluidsynth and fluid-soundfont-gm"):
            convert(source, tmp_path / "beats")

    def test_a_program_that_hangs_is_stopped(
        self, source: Path, tmp_path: Path, stub: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("training.corpora.groove._TIME_LIMIT_S", 0.2)
        soundfont = stub("import time; time.sleep(60)")
        with pytest.raises(ConfigError, match=r"^fluidsynth was still at .*\.mid after 0\.2 s; unpack it again$"):
            convert(source, tmp_path / "beats", soundfont=soundfont)
        assert not (tmp_path / "beats").exists()

    def test_a_program_that_fails_says_why(self, source: Path, tmp_path: Path, stub: Callable[[str], Path]) -> None:
        soundfont = stub("sys.exit('no room')")
        with pytest.raises(ConfigError, match=r"^fluidsynth could not render .*\.mid: no room$"):
            convert(source, tmp_path / "beats", soundfont=soundfont)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"bpm": "fast"},
                r"^row 1 of .*info\.csv must have a number above 0 as bpm, it has 'fast'; fetch the file",
            ),
            (
                {"duration": 0},
                r"^row 1 of .* must have a number above 0 as duration, it has '0'; fetch the file again$",
            ),
            (
                {"midi_filename": "x.mid"},
                r"x\.mid, row 1 of .*info\.csv, does not exist; unpack the MIDI",
            ),
            ({"midi_filename": "../x.mid"}, r"^row 1 of .* leads out of its folder: \.\./x\.mid$"),
        ],
    )
    def test_a_wrong_table_is_named(
        self, source: Path, tmp_path: Path, stub: Callable[[str], Path], changes: dict[str, object], message: str
    ) -> None:
        write_table(source, [row(0, "drummer1", **changes)])
        with pytest.raises(ConfigError, match=message):
            convert(source, tmp_path / "beats", soundfont=stub(""))

    def test_no_seconds_are_refused(self, source: Path, tmp_path: Path, stub: Callable[[str], Path]) -> None:
        with pytest.raises(ConfigError, match=r"^seconds must be above 0, got 0$"):
            convert(source, tmp_path / "beats", soundfont=stub(""), seconds=0)


@pytest.mark.slow
@with_fluidsynth
class TestTheRealBeats:
    def test_the_table_and_its_folds(
        self, tmp_path: Path, rows_of: Rows, real: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, clicks: Path
    ) -> None:
        """All 503, without their sound, which takes minutes."""
        lengths_s = []

        def render(command: Sequence[str], target: Path, seconds: float) -> None:
            assert Path(command[-1]).is_file()
            lengths_s.append(seconds)
            target.touch()

        monkeypatch.setattr("training.corpora.groove._render", render)
        convert(real("groove_midi"), tmp_path / "beats", soundfont=clicks)
        rows = rows_of(tmp_path / "beats")
        assert len(rows) == len({row["path"] for row in rows}) == 503
        assert (min(lengths_s), max(lengths_s), sum(length_s < 4 for length_s in lengths_s)) == (1.29, 60.0, 35)
        assert sorted(Counter(row["fold"] for row in rows).values()) == [96, 97, 99, 103, 108]
        assert len({(row["group"], row["fold"]) for row in rows}) == len({row["group"] for row in rows}) == 10
        assert Counter(row["official"] for row in rows) == {"train": 378, "validation": 48, "test": 77}
        assert (
            Counter(row["time_signature"] for row in rows)["4-4"],
            Counter(row["label"] for row in rows)["rock"],
        ) == (
            491,
            211,
        )
        assert {min(tempos := [float(row["bpm"]) for row in rows]), max(tempos)} == {50, 290}

    @pytest.mark.skipif(not SOUNDFONT.is_file(), reason="no drums of Debian's: apt-get install fluid-soundfont-gm")
    def test_the_shortest_of_each_drummer_sounds(
        self, tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]
    ) -> None:
        published = real("groove_midi")
        with (published / "info.csv").open(encoding="utf-8", newline="") as file:
            beats = [row for row in csv.DictReader(file) if row["beat_type"] == "beat"]
        shortest: dict[str, dict[str, str]] = {}
        for row in sorted(beats, key=lambda row: float(row["duration"])):
            shortest.setdefault(row["drummer"], row)
        for row in shortest.values():
            path = tmp_path / "some" / row["midi_filename"]
            path.parent.mkdir(parents=True)
            shutil.copyfile(published / row["midi_filename"], path)
        write_table(tmp_path / "some", list(shortest.values()))
        convert(tmp_path / "some", tmp_path / "beats", seconds=5)
        found = {row["group"]: soundfile.info(tmp_path / "beats" / row["path"]) for row in rows_of(tmp_path / "beats")}
        assert found.keys() == {f"drummer{number}" for number in range(1, 11)}
        for drummer, sound in found.items():
            assert (sound.samplerate, sound.channels) == (22_050, 1)
            assert sound.duration == pytest.approx(min(5, float(shortest[drummer]["duration"])), abs=0.01)
