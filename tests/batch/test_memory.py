"""Memory does not grow with the number of files, and with their length only by their answers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.audio_files import music, noise, sample_bytes, silence, wav_bytes

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux"),
]
CODE = """
import sys
from pathlib import Path
from audiocnn.cli.main import cli
try:
    cli(["classify", "-q", *sys.argv[1:]])
except SystemExit as end:
    assert not end.code
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def peak_mb(model, *arguments):
    command = [sys.executable, "-c", CODE, "--model", str(model), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


def test_of_twenty_thousand_files_is_that_of_a_hundred(tiny_model, tmp_path):
    data = wav_bytes(music(seconds=0.2, sample_rate=8000), 8000)
    for folder, count in (("few", 100), ("many", 20_000)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            (tmp_path / folder / f"{number}.wav").write_bytes(data)
    few = peak_mb(tiny_model, tmp_path / "few", "-o", tmp_path / "few.csv")
    assert peak_mb(tiny_model, tmp_path / "many", "-o", tmp_path / "many.csv") < few + 20
    assert peak_mb(tiny_model, tmp_path / "many", "-o", "/dev/null") < few + 20


def test_of_eight_hours_is_that_of_a_minute_and_of_the_answers(tiny_model, tmp_path):
    rate, hours = 8000, 8
    minute = sample_bytes(noise(60, rate), "PCM_U8")
    header = wav_bytes(silence(0), rate, "PCM_U8", data_size=hours * 60 * len(minute))
    (tmp_path / "long.wav").write_bytes(header + minute * (hours * 60))
    (tmp_path / "short.wav").write_bytes(wav_bytes(noise(60, rate), rate))
    short = peak_mb(tiny_model, tmp_path / "short.wav", "-o", tmp_path / "short.csv")
    long = peak_mb(tiny_model, tmp_path / "long.wav", "-o", tmp_path / "long.csv")
    assert long < short + 115_200 * 0.002  # windows, 2 kB for the answers of each
    sparse = tmp_path / "sparse.wav"
    sparse.write_bytes(wav_bytes(silence(0), 16_000, data_size=hours * 3600 * 32_000))
    os.truncate(sparse, hours * 3600 * 32_000)
    assert peak_mb(tiny_model, sparse, "-o", tmp_path / "sparse.csv") < short + 115_200 * 0.001
