"""Synthetic digits: how they are drawn and cut, and words spoken by the real eSpeak NG where it is installed."""

import shutil
import stat
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.synthetic_digits import (
    ENDINGS,
    ENGLISH,
    FOREIGN,
    PITCHES,
    SPEAKERS,
    SPEEDS,
    WORDS,
    convert,
    cut,
    draw_utterance,
    in_room,
)
from training.data.manifest import read_clips

Rows = Callable[[Path], list[dict[str, str]]]

with_espeak = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="nothing can be spoken: apt-get install espeak-ng"
)
RATE = 1000


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program named espeak-ng in place that runs Python code with its arguments."""

    def write(code: str) -> None:
        program = tmp_path / "bin" / "espeak-ng"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent))

    return write


class TestUtterances:
    drawn = tuple(draw_utterance(i % 10, np.random.default_rng([0, i])) for i in range(4000))

    def test_every_way_to_say_it_is_one_of_those_told(self) -> None:
        for said in self.drawn:
            language, speaker = said.voice.split("+")
            words = WORDS["en"] if language in ENGLISH else WORDS[language]
            assert said.text in {words[said.digit] + ending for ending in ENDINGS}
            assert speaker in SPEAKERS
            assert PITCHES[0] <= said.pitch < PITCHES[1]
            assert SPEEDS[0] <= said.speed < SPEEDS[1]

    def test_each_language_and_speaker_is_heard(self) -> None:
        voices = [said.voice.split("+") for said in self.drawn]
        assert {language for language, _ in voices} == {*ENGLISH, *WORDS} - {"en"}
        assert {speaker for _, speaker in voices} == set(SPEAKERS)
        foreign = np.mean([language not in ENGLISH for language, _ in voices])
        assert abs(foreign - FOREIGN) < 0.04

    def test_each_language_has_ten_different_words(self) -> None:
        assert all(len(set(words)) == 10 for words in WORDS.values())


class TestSound:
    word = np.concatenate([np.zeros(300), np.full(200, 0.5), np.full(100, 0.02), np.zeros(400)]).astype(np.float32)

    def test_silence_around_the_word_is_cut(self) -> None:
        kept = cut(self.word, RATE, 0.1, (0.0, 0.0))
        np.testing.assert_allclose(len(kept), 200, atol=10)  # a frame
        assert np.count_nonzero(kept == 0.5) == 200

    def test_a_lower_threshold_keeps_its_end(self) -> None:
        np.testing.assert_allclose(len(cut(self.word, RATE, 0.01, (0.0, 0.0))), 300, atol=10)

    def test_margins_stay(self) -> None:
        bare = cut(self.word, RATE, 0.1, (0.0, 0.0))
        assert len(cut(self.word, RATE, 0.1, (0.05, 0.0))) == len(bare) + 50
        assert len(cut(self.word, RATE, 0.1, (0.0, 0.2))) == len(bare) + 200
        assert len(cut(self.word, RATE, 0.1, (9.0, 9.0))) == len(self.word)  # there is no more

    def test_a_room_answers_and_dies_away(self) -> None:
        click = np.zeros(1000, np.float32)
        click[0] = 1
        heard = in_room(click, RATE, 0.3, 0.5, np.random.default_rng(0))
        assert len(heard) == 1100
        assert heard.dtype == np.float32
        assert 0.8 < heard[0] < 1.2
        assert not heard[300:].any()
        np.testing.assert_allclose((heard[1:] ** 2).sum(), 0.25, rtol=0.2)  # but for what falls on the click itself
        assert (heard[150:300] ** 2).sum() < 0.05 * (heard[1:150] ** 2).sum()


@with_espeak
class TestSpeaking:
    def test_the_command_writes_a_corpus_to_train_on(self, tmp_path: Path, rows_of: Rows) -> None:
        destination = tmp_path / "digits"
        answer = CliRunner().invoke(corpus, ["synthetic-digits", str(destination), "--clips", "30"])
        assert answer.exit_code == 0, answer.output
        assert "30 files; 0 3, 1 3, 2 3, 3 3, 4 3, 5 3, 6 3, 7 3, 8 3, 9 3\n" in answer.output
        clips = read_clips(destination, DataConfig(manifest="manifest.csv", group="group"))
        assert Counter(clip.labels[0] for clip in clips) == dict.fromkeys("0123456789", 3)
        for row in rows_of(destination):
            samples, sample_rate = soundfile.read(destination / row["path"])
            assert sample_rate == 22_050
            assert 0.1 < len(samples) / sample_rate < 1.5
            np.testing.assert_allclose(np.abs(samples).max(), 0.9, atol=1e-3)
            assert np.sqrt((samples**2).mean()) > 0.02

    def test_a_seed_tells_every_clip_whatever_their_number(self, tmp_path: Path, rows_of: Rows) -> None:
        convert(tmp_path / "few", clips=10, seed=3)
        convert(tmp_path / "more", clips=20, seed=3)
        convert(tmp_path / "other", clips=10, seed=4)
        few, more, other = (rows_of(tmp_path / name) for name in ("few", "more", "other"))
        assert few == more[:10]
        assert few != other
        for row in few:
            sounds = [(tmp_path / name / row["path"]).read_bytes() for name in ("few", "more", "other")]
            assert sounds[0] == sounds[1]
            assert sounds[0] != sounds[2]

    def test_a_voice_that_is_not_there_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("training.corpora.synthetic_digits.ENGLISH", ("xx-nowhere",))
        monkeypatch.setattr("training.corpora.synthetic_digits.FOREIGN", 0.0)
        with pytest.raises(ConfigError, match=r"could not say 'zero.*' as xx-nowhere\+\w+: .*does not exist"):
            convert(tmp_path / "digits", clips=10)
        assert not (tmp_path / "digits").exists()


class TestWhatIsMissing:
    def test_the_program_names_its_package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ConfigError, match=r"espeak-ng, which is not installed: install the package espeak-ng"):
            convert(tmp_path / "digits", clips=10)

    @pytest.mark.parametrize(
        ("code", "message"),
        [
            ("sys.exit('no voices')", r"^espeak-ng could not say 'zero.*' as .*: no voices$"),
            ("sys.exit(3)", r"^espeak-ng could not say 'zero.*' as .*: no reason given$"),
            ("print('no sound')", r"^espeak-ng could not say 'zero.*' as .*: .*[Ff]ormat not recogni"),
            (
                "import wave\nfile = wave.open(sys.stdout.buffer, 'wb')\nfile.setparams((1, 2, 8000, 0, 'NONE', ''))\n"
                "file.writeframes(bytes(8000))",
                r"^espeak-ng said nothing in 5 voices, .* the last of them; install the package espeak-ng",
            ),
        ],
    )
    def test_a_program_that_fails_says_why(
        self, tmp_path: Path, stub: Callable[[str], None], code: str, message: str
    ) -> None:
        stub(code)
        with pytest.raises(ConfigError, match=message):
            convert(tmp_path / "digits", clips=10)
        assert not (tmp_path / "digits").exists()

    def test_a_program_that_hangs_is_stopped(
        self, tmp_path: Path, stub: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("training.corpora.synthetic_digits._TIME_LIMIT_S", 0.2)
        stub("import time; time.sleep(60)")
        with pytest.raises(ConfigError, match=r"^espeak-ng could not say .*: still at it after 0\.2 s$"):
            convert(tmp_path / "digits", clips=10)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"clips": 0}, r"^clips must be a multiple of 10, as many of each digit, got 0$"),
            ({"clips": 15}, r"^clips must be a multiple of 10, as many of each digit, got 15$"),
            ({"seed": -1}, r"^seed must be 0 or more, got -1$"),
        ],
    )
    def test_wrong_numbers_are_refused(self, tmp_path: Path, options: dict[str, int], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            convert(tmp_path / "digits", **options)
