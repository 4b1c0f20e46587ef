"""Long recordings go through a denoiser in windows."""

import numpy as np
import pytest
import torch

from tests.training.denoise.small import recipe, tones
from training.denoise.fit import fit
from training.denoise.saved import Trained

WINDOW, OVERLAP = 48_000, 16_000


@pytest.mark.parametrize("window", [WINDOW, 1600, 4001])
@pytest.mark.parametrize("windows", [0, 0.5, 1, 1.01, 1.7, 3.1])
def test_windows_are_joined_without_a_seam(window, windows):
    heard = []

    def louder(piece: torch.Tensor) -> torch.Tensor:
        heard.append(piece.shape[-1])
        return 2 * piece

    samples = np.linspace(1, 2, int(windows * window) or 1, dtype=np.float32)
    np.testing.assert_allclose(Trained(louder, window).denoise(samples), 2 * samples, rtol=1e-6)
    assert set(heard) == {min(len(samples), window)}
    overlap = window // 3
    assert len(heard) == max(1, -(-(len(samples) - overlap) // (window - overlap)))


def test_the_ends_of_a_window_count_less_than_what_a_neighbour_hears_amid_its_own():
    """Each window answers with its number, so what comes out says whose answer it is."""
    numbers = iter([torch.full((1, 1, WINDOW), float(number)) for number in range(2)])
    answer = Trained(lambda _: next(numbers), WINDOW).denoise(np.zeros(2 * WINDOW - OVERLAP, np.float32))
    assert (answer[: WINDOW - OVERLAP] == 0).all()
    assert (answer[WINDOW:] == 1).all()
    np.testing.assert_allclose(np.diff(answer[WINDOW - OVERLAP : WINDOW]), 1 / (OVERLAP + 1), atol=1e-6)


def test_a_short_recording_is_one_window():
    network, short = fit([tones()], recipe(), seed=0), tones(seconds=1)
    with torch.inference_mode():
        expected = network(torch.from_numpy(short)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(Trained(network, WINDOW).denoise(short), expected, atol=1e-6)
