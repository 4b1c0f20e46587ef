"""Training of the silence detector: noises, examples, thresholds and tables."""

import math

import numpy as np
import pytest

from tests.training.small_corpora import bursts
from training.silence.examples import FRAME, SILENT_DB, Scene, draw_scene, frame_levels_db, mixed
from training.silence.fit import fit
from training.silence.measure import SNRS_DB, draw_scenes, measure, quality, tuned_rules
from training.silence.run import table


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


def test_one_seed_gives_one_network():
    networks = [fit(bursts(), steps=2, seed=seed) for seed in (0, 0, 1)]
    first, same, other = (np.concatenate([p.detach().numpy().ravel() for p in n.parameters()]) for n in networks)
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3
    assert not networks[0].training


def test_a_scene_keeps_its_noise():
    scene = Scene(np.zeros(FRAME, np.float32), np.ones(FRAME, np.float32), np.array([True]), power=4.0)
    np.testing.assert_allclose(scene.noisy(6.0206), 1.0, atol=1e-4)
