"""Coverage-guided fuzzing of the WAV parser with atheris: `python -m tests.fuzz.wav_parser FOLDER -runs=100000`.

Whatever the bytes, there is an `AudioError` or finite samples. FOLDER holds files to begin with and takes new ones.
"""

import sys

import atheris
import numpy as np

with atheris.instrument_imports(include=["audiocnn.audio"]):
    from audiocnn.audio.decode import checked_blocks
    from audiocnn.audio.wav import WavReader
from io import BytesIO

from audiocnn.errors import AudioError
from audiocnn.limits import DecodeLimits

LIMITS = DecodeLimits(max_duration_s=600, max_decoded_bytes=2**24)


def try_one(data: bytes) -> None:
    """What libFuzzer calls."""
    try:
        reader = WavReader(BytesIO(data), LIMITS)
        for block in checked_blocks(reader, LIMITS):
            if block.shape[0] != reader.channels or not np.isfinite(block).all():
                raise RuntimeError(f"a block of shape {block.shape} of {reader.channels} channels, or not finite")
    except AudioError:
        return


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()
