"""Training of the silence detector: noises, examples, corpora, thresholds, and the command from end to end."""

import csv
import json
import math
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError, EmptyAudioError, UndecodableAudioError
from audiocnn.inference.silence import SilenceDetector
from tests.audio_files import noise, wav_bytes
from training.cli import commands
from training.recordings import read_recordings
from training.silence.command import RESULTS, table
from training.silence.examples import FRAME, SILENT_DB, Scene, draw_scene, frame_levels_db, mixed
from training.silence.fit import fit
from training.silence.measure import SNRS_DB, draw_scenes, measure, quality, tuned_rules


def bursts(count=6, seconds=0.6, seed=0):
    random = np.random.default_rng(seed)
    return [random.standard_normal(int(seconds * 16_000)).astype(np.float32) * 0.1 for _ in range(count)]


class TestExamples:
    def test_labels_follow_the_energy_of_the_clean_sound(self):
        scenes = [draw_scene(bursts(), 200, np.random.default_rng(seed)) for seed in range(8)]
        shares = [scene.silent.mean() for scene in scenes]
        assert min(shares) < 0.1 < 0.4 < max(shares)
        for scene in scenes:
            levels = frame_levels_db(scene.clean)
            if scene.silent.any():
                assert levels[scene.silent].max() <= SILENT_DB + 10
            if not scene.silent.all():
                assert levels[~scene.silent].min() > -31

    def test_gaps_are_digital_silence_and_sounds_lie_within_6_db(self):
        clean = np.concatenate([draw_scene(bursts(), 400, np.random.default_rng(seed)).clean for seed in range(6)])
        levels = frame_levels_db(clean)
        assert (levels < -150).mean() > 0.1
        low, high = np.quantile(levels[levels > -20], [0.05, 0.95])  # some frames hold a fade or half a gap
        assert -7.5 < low < -4.5
        assert -1 < high < 1

    @pytest.mark.parametrize("snr_db", [20.0, 0.0])
    def test_the_ratio_of_sound_to_noise_is_the_one_asked_for(self, snr_db):
        scene = draw_scene(bursts(), 400, np.random.default_rng(3))
        noise = scene.noisy(snr_db) - scene.clean
        sound = np.mean(10 ** (frame_levels_db(scene.clean)[~scene.silent] / 10))
        assert 10 * np.log10(sound / np.mean(np.square(noise))) == pytest.approx(snr_db, abs=0.2)
        np.testing.assert_array_equal(scene.noisy(math.inf), scene.clean)

    def test_windows_have_mean_0_and_deviation_1(self):
        scenes = [draw_scene(bursts(), 50, np.random.default_rng(seed)) for seed in range(3)]
        examples = mixed(scenes, [math.inf, 10, 0])
        assert examples.windows.shape == (3, 50 * FRAME)
        assert examples.windows.dtype == np.float32
        np.testing.assert_allclose(examples.windows.mean(-1), 0, atol=1e-5)
        np.testing.assert_allclose(examples.windows.std(-1), 1, atol=1e-4)
        np.testing.assert_array_equal(examples.silent, [scene.silent for scene in scenes])

    def test_quiet_recordings_are_raised_and_pauses_are_not(self):
        soft, pause = [0.002 * b for b in bursts()], [1e-6 * b for b in bursts()]
        assert frame_levels_db(draw_scene(soft, 400, np.random.default_rng(0)).clean).max() > -9
        assert frame_levels_db(draw_scene(pause, 400, np.random.default_rng(0)).clean).max() < -40


class TestMeasure:
    def test_precision_recall_and_f1_by_hand(self):
        decided = np.array([True, True, True, False, False])
        silent = np.array([True, False, True, True, False])
        assert quality(decided, silent) == {"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3}
        assert quality(np.zeros(5, bool), silent) == {"precision": 0, "recall": 0, "f1": 0}
        assert quality(~silent & False, silent & False)["f1"] == 0

    def test_thresholds_are_tuned_for_what_their_names_say(self):
        scenes = draw_scenes(bursts(), 30, seed=5)
        rules = tuned_rules(scenes)
        clean, noisy, above = (measure(rules[name], scenes) for name in rules)
        assert list(clean) == ["clean", "30 dB", "20 dB", "10 dB", "5 dB", "0 dB"]
        assert clean["clean"]["f1"] > 0.97
        assert clean["10 dB"]["f1"] < 0.05
        assert noisy["clean"]["f1"] <= clean["clean"]["f1"]
        f1_clean, f1_noisy, f1_above = (
            np.mean([level["f1"] for level in found.values()]) for found in (clean, noisy, above)
        )
        assert f1_noisy > f1_clean + 0.3
        assert f1_above > f1_clean + 0.3

    def test_all_noise_levels_share_sounds_and_noise(self):
        seen = {}

        def remember(windows):
            seen[len(seen)] = windows
            return np.zeros((len(windows), 200), bool)

        scenes = draw_scenes(bursts(), 2, seed=1)
        measure(remember, scenes)
        assert len(seen) == len(SNRS_DB)
        np.testing.assert_array_equal(seen[3], mixed(scenes, [10.0, 10.0]).windows)

    def test_table_has_means_and_deviations(self):
        def run(f1):
            return {name: {"precision": 1.0, "recall": 0.5, "f1": f1} for name in measure_names}

        measure_names = ["clean", "30 dB", "20 dB", "10 dB", "5 dB", "0 dB"]
        lines = table({"rule": [run(0.5)], "detector": [run(0.6), run(0.8)]})
        assert lines[0] == "| silent frames | clean | 30 dB | 20 dB | 10 dB | 5 dB | 0 dB |"
        assert lines[4] == "| rule, f1 | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 | 0.500 |"
        assert lines[7].startswith("| detector, f1 | 0.700 ± 0.100 | ")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Folders in the form of FSDD, 8 kHz tones, and of ESC-10, noise bursts."""
    root = tmp_path_factory.mktemp("corpora")
    (root / "fsdd").mkdir()
    time = np.arange(4000) / 8000
    for hz, speaker in enumerate(("george", "jackson", "lucas", "nicolas", "theo", "yweweler"), start=2):
        for index in range(2):
            wave = np.sin(2 * np.pi * 100 * hz * time) * np.exp(-3 * time) + 0.25
            soundfile.write(root / "fsdd" / f"{index}_{speaker}_{index}.wav", 0.4 * wave, 8000)
    (root / "esc10").mkdir()
    with (root / "esc10/clips.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "fold"])
        for fold in range(1, 6):
            soundfile.write(root / f"esc10/{fold}.wav", bursts(1, {2: 20.0, 5: 2.0}.get(fold, 1.0), fold)[0], 16_000)
            rows.writerow([f"{fold}.wav", "rain", fold])
    return root


class TestCorpora:
    def test_parts_share_no_speaker_and_no_fold(self, corpora):
        found = read_recordings(corpora, ["fsdd", "esc10"], 16_000)
        assert {part: len(recordings) for part, recordings in found.items()} == {
            "train": 8 + 3,
            "validation": 2 + 1,
            "test": 2 + 1,
        }
        for part, hz in (("validation", 600), ("test", 700)):
            power = np.abs(np.fft.rfft(found[part][0], 16_000))
            assert power.argmax() == pytest.approx(hz, abs=2)
        assert len(found["validation"][-1]) == 16_000
        assert len(found["test"][-1]) == 32_000

    def test_recordings_are_mono_without_offset_and_at_most_15_s(self, corpora):
        found = read_recordings(corpora, ["fsdd", "esc10"], 16_000)
        assert all(r.ndim == 1 and abs(r.mean()) < 1e-4 for part in found.values() for r in part)
        assert len(found["test"][0]) == 8000
        assert sorted(len(r) for r in found["train"][8:]) == [16_000, 16_000, 15 * 16_000]

    def test_of_a_long_recording_the_middle_is_kept(self, corpora):
        (whole,), (kept,) = (
            [r for r in read_recordings(corpora, ["esc10"], 16_000, longest_s)["train"] if len(r) == longest_s * 16_000]
            for longest_s in (20, 4)
        )
        middle = whole[8 * 16_000 : 12 * 16_000]
        np.testing.assert_allclose(kept, middle - middle.mean(), atol=1e-6)

    def test_what_cannot_be_read(self, corpora, tmp_path):
        for names in (["fsdd", "speech"], []):
            with pytest.raises(ConfigError, match=r"^corpora must be some of fsdd, esc10, emotify, got"):
                read_recordings(corpora, names, 16_000)
        with pytest.raises(ConfigError, match=r"found no recordings for train, validation, test in .*fsdd; is it fsdd"):
            read_recordings(tmp_path, ["fsdd"], 16_000)
        with pytest.raises(ConfigError, match=r"expected .*clips\.csv with columns path and fold"):
            read_recordings(tmp_path, ["esc10"], 16_000)

    def test_a_speaker_or_a_fold_that_belongs_to_no_part_is_named(self, corpora, tmp_path):
        shutil.copytree(corpora, tmp_path, dirs_exist_ok=True)
        newcomer = tmp_path / "fsdd/0_newcomer_0.wav"
        newcomer.write_bytes((tmp_path / "fsdd/0_theo_0.wav").read_bytes())
        with pytest.raises(ConfigError, match=f"^{newcomer} has the speaker 'newcomer'; leave it out, expected "):
            read_recordings(tmp_path, ["fsdd"], 16_000)
        table = tmp_path / "esc10/clips.csv"
        table.write_text(table.read_text() + "1.wav,rain,6\n")
        with pytest.raises(ConfigError, match=f"^{table} has the fold '6'; leave it out, expected 1, 2, 3, 4, 5$"):
            read_recordings(tmp_path, ["esc10"], 16_000)

    @pytest.mark.parametrize(
        ("file", "error", "message"),
        [
            (
                wav_bytes(noise(1)[:, :1], 48_000),
                EmptyAudioError,
                "the audio is shorter than one sample",
            ),
            (b"no sound", UndecodableAudioError, "the bytes are not audio"),
        ],
        ids=["one sample", "no sound"],
    )
    def test_a_file_without_sound_is_named(self, corpora, tmp_path, file, error, message):
        shutil.copytree(corpora, tmp_path, dirs_exist_ok=True)
        (tmp_path / "esc10/3.wav").write_bytes(file)
        with pytest.raises(error, match=rf"^{tmp_path}/esc10/3\.wav: {message}"):
            read_recordings(tmp_path, ["esc10"], 16_000)


def test_one_seed_gives_one_network():
    networks = [fit(bursts(), steps=2, seed=seed) for seed in (0, 0, 1)]
    first, same, other = (np.concatenate([p.detach().numpy().ravel() for p in n.parameters()]) for n in networks)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3
    assert not networks[0].training


def test_the_command_trains_measures_and_exports(corpora, tmp_path):
    arguments = ["silence", "--data", str(corpora), "--run", str(tmp_path), "--seeds", "0,3", "--licence", "CC0-1.0"]
    result = CliRunner().invoke(commands, [*arguments, "--steps", "2", "--windows", "3", "--music", "5"])
    assert result.exit_code == 0, result.output
    spec = read_spec(tmp_path / "seed-3/model")
    assert (spec.name, spec.architecture, spec.licence) == ("silence", "silence-detector", "CC0-1.0")
    assert spec.training["seed"] == 3
    assert spec.training["corpora"] == ["fsdd", "esc10"]
    results = json.loads((tmp_path / RESULTS).read_text())
    assert len(results["detector"]) == 2
    assert spec.metrics["silent_frames_f1"]["10 dB"] == round(results["detector"][1]["10 dB"]["f1"], 3)
    assert result.stdout.splitlines()[0].startswith("| silent frames | clean |")
    # What was measured is what the exported model says.
    detector = SilenceDetector.load(tmp_path / "seed-3/model")
    scenes = draw_scenes(read_recordings(corpora, ["fsdd", "esc10"], 16_000)["test"], 3, seed=1002)
    assert measure(lambda windows: detector.frames(windows, 16_000) > 0.5, scenes) == results["detector"][1]


def test_the_command_wants_numbers_for_seeds(corpora):
    result = CliRunner().invoke(commands, ["silence", "--data", str(corpora), "--seeds", "a"])
    assert isinstance(result.exception, ConfigError)
    assert "seeds must be whole numbers such as 0,1,2, got 'a'" in str(result.exception)


def test_a_scene_keeps_its_noise():
    scene = Scene(np.zeros(FRAME, np.float32), np.ones(FRAME, np.float32), np.array([True]), power=4.0)
    np.testing.assert_allclose(scene.noisy(6.0206), 1.0, atol=1e-4)
