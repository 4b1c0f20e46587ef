"""Maps of windows joined over a file, and spread over a picture."""

import numpy as np
import pytest

from audiocnn.insight.timeline import Placed, evenly, join


def even(values, window):
    """Positions as many samples apart as they fit into the window, each in the middle of its samples."""
    step = window / values.shape[1]
    return Placed(values, (step - 1) / 2, step)


def test_windows_of_a_line_give_the_line():
    """Positions hold the time that they look at; joined over the file they must hold it still."""
    starts = [0, 50, 100, 150]
    maps = [Placed((start - 3.0 + 5 * np.arange(22))[np.newaxis], -3.0, 5.0) for start in starts]
    joined = join(maps, starts, 100, 250, 50)
    assert joined.shape == (1, 50)
    assert joined[0] == pytest.approx((np.arange(50) + 0.5) * 5 - 0.5)


def test_an_event_stays_where_it_was_in_space_and_time():
    maps = np.zeros((2, 1, 10, 3, 4))
    maps[1, 0, 2, 1, 3] = 1  # in the second window, 20 to 30 samples after its start
    joined = join([even(map, 100) for map in maps], [0, 100], 100, 200, 20)
    assert joined.shape == (1, 20, 3, 4)
    assert [tuple(at) for at in np.argwhere(joined)] == [(0, 12, 1, 3)]


def test_the_middle_of_a_window_counts_more_than_its_end():
    joined = join([even(np.zeros((1, 4)), 100), even(np.ones((1, 4)), 100)], [0, 50], 100, 150, 30)[0]
    assert (joined[:10] == 0).all()
    assert (joined[20:] == 1).all()
    assert (np.diff(joined[10:20]) > 0).all()
    assert joined[10] < 0.1 < 0.9 < joined[19]


def test_gaps_between_windows_are_nan():
    joined = join([even(np.ones((2, 5)), 100)] * 2, [0, 200], 100, 300, 6)
    assert np.isnan(joined[:, 2:4]).all()
    assert (joined[:, [0, 1, 4, 5]] == 1).all()


def test_only_real_sound_counts_of_a_window_that_was_filled_up():
    joined = join([even(np.arange(10.0)[np.newaxis], 100)], [0], 100, 30, 3)
    assert joined[0] == pytest.approx([0, 1, 2])


def test_shortened_maps_keep_means_or_energies():
    map = Placed(np.array([[1.0, -1, 1, -1, 2, -2]]), 0, 1)
    assert map.shortened(6) is map
    assert map.shortened(3).values.tolist() == [[0, 0, 0]]
    assert map.shortened(3, rms=True).values[0] == pytest.approx([1, 1, 2])
    assert Placed(np.arange(12.0).reshape(1, 6, 2), 0, 1).shortened(2).values[0].tolist() == [[2, 3], [8, 9]]


def test_shortened_maps_stay_where_they_were():
    line = 3.0 + 4 * np.arange(60)
    short = Placed(line[np.newaxis], 3.0, 4.0).shortened(20)
    assert short.values[0] == pytest.approx(short.first + short.step * np.arange(20))


def test_shortened_by_no_whole_number_loses_nothing():
    map = np.random.default_rng(0).standard_normal((3, 103))
    counts = np.diff(np.linspace(0, 103, 11).round())
    assert (Placed(map, 0, 1).shortened(10).values * counts).sum(axis=1) == pytest.approx(map.sum(axis=1))


def test_maps_of_unpadded_layers_are_spread_over_what_they_look_at():
    """Ten positions that look at pixels 20, 26, ..., 74 of 96: no more than the middle."""
    rows = 20.0 + 6 * np.arange(10)
    spread = evenly(np.stack([rows, rows])[..., np.newaxis].repeat(3, axis=2), 1, 20, 6, 96)
    assert spread.shape == (2, 16, 3)
    expected = (np.arange(16) + 0.5) * 6 - 0.5
    assert spread[0, :, 0] == pytest.approx(expected.clip(20, 74))
    columns = evenly(rows.reshape(1, 1, 10), 2, 20, 6, 96)
    assert columns[0, 0] == pytest.approx(expected.clip(20, 74))
