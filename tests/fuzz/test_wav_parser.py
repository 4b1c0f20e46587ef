"""The fuzz harness of the WAV parser, for a minute; `make test-slow` runs it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.audio_files import WAV_SUBTYPES, wav_bytes
from tests.hostile import hostile_sounds

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_no_bytes_get_more_out_of_the_wav_parser_than_audio_errors(tmp_path):
    pytest.importorskip("atheris", reason="needs atheris: pip install atheris")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for subtype in WAV_SUBTYPES:
        for magic in (b"RIFF", b"RIFX", b"RF64"):
            (corpus / f"{subtype}{magic.decode()}").write_bytes(
                wav_bytes(np.ones((2, 9)), subtype=subtype, magic=magic)
            )
    for number, file in enumerate(hostile_sounds()):
        if file.data[:2] == b"RI" and len(file.data) < 5000:
            (corpus / str(number)).write_bytes(file.data)
    options = [str(corpus), "-max_total_time=60", "-timeout=5", "-rss_limit_mb=1024", "-max_len=4096"]

    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.wav_parser", *options, f"-artifact_prefix={tmp_path}/"],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert run.returncode == 0, run.stderr[-3000:]
    assert "DONE" in run.stderr or "Done" in run.stderr
