"""Long recordings go through a denoiser in windows."""

import numpy as np
import pytest
import torch

from tests.training.denoise.small import recipe, tones
from training.denoise.fit import fit
from training.denoise.saved import OVERLAP, WINDOW, denoise


@pytest.mark.parametrize("num_samples", [1, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW - OVERLAP, 3 * WINDOW + 7])
def test_windows_are_joined_without_a_seam(num_samples):
    heard = []

    def louder(piece: torch.Tensor) -> torch.Tensor:
        heard.append(piece.shape[-1])
        return 2 * piece

    samples = np.linspace(1, 2, num_samples, dtype=np.float32)
    np.testing.assert_allclose(denoise(louder, samples), 2 * samples, rtol=1e-6)
    assert set(heard) == {min(num_samples, WINDOW)}
    assert len(heard) == max(1, -(-(num_samples - OVERLAP) // (WINDOW - OVERLAP)))


def test_the_ends_of_a_window_count_less_than_what_a_neighbour_hears_amid_its_own():
    """Each window answers with its number, so what comes out says whose answer it is."""
    numbers = iter([torch.full((1, 1, WINDOW), float(number)) for number in range(2)])
    answer = denoise(lambda _: next(numbers), np.zeros(2 * WINDOW - OVERLAP, np.float32))
    assert (answer[: WINDOW - OVERLAP] == 0).all()
    assert (answer[WINDOW:] == 1).all()
    np.testing.assert_allclose(np.diff(answer[WINDOW - OVERLAP : WINDOW]), 1 / (OVERLAP + 1), atol=1e-6)


def test_a_short_recording_is_one_window():
    network, short = fit([tones()], recipe(), seed=0), tones(seconds=1)
    with torch.inference_mode():
        expected = network(torch.from_numpy(short)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(denoise(network, short), expected, atol=1e-6)
