"""Groove MIDI: people drumming to a metronome, as MIDI with its tempo; the 503 beats become sound here.

Citation: Gillick, Roberts, Engel, Eck, Bamman (2019), "Learning to groove with inverse sequence transformations",
Proceedings of the 36th International Conference on Machine Learning. Source: the MIDI-only archive as published,
unpacked, with `info.csv` and `drummer1` to `drummer10`.

Licence: CC BY 4.0. The sound is that of the soundfont, which has a licence of its own: FluidR3 GM, MIT.

Split: the official one (column `official`) has every drummer on both sides. The folds here have no drummer in two:
drummers, those with the most beats first, each go to the fold with the fewest beats so far. Three folds of the whole
set are one drummer each. `group` is the drummer.

Traps: `bpm` is what the metronome was set to, not what a listener would tap: jazz and punk are often felt at half of
it. Drummer2's second session says 130 throughout, and most of it follows no grid at that tempo. 35 beats last less than
4 s. Fills (one bar, no steady beat) are left out. Some files have minutes of controllers behind the last note: sound
ends where the table says. 491 of the beats are in 4/4, 211 are rock.
"""

import math
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

from audiocnn.errors import ConfigError
from training.corpora.folder import new_corpus
from training.corpora.table import read_table
from training.progress import track

INFO = "info.csv"
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Where Debian's package fluid-soundfont-gm puts it."""

SAMPLE_RATE = 22_050
FOLDS = 5

_NEEDED = ("drummer", "id", "style", "bpm", "beat_type", "time_signature", "midi_filename", "duration", "split")
_PACKAGES = "install the packages fluidsynth and fluid-soundfont-gm (apt-get install, on Debian and Ubuntu)"
_GAIN = 0.6  # loud enough for 16 bits, and no kit came near full scale
_QUIET = 1e-3  # -60 dB: a rendering this quiet throughout went wrong
_TIME_LIMIT_S = 300


def convert(source: Path, destination: Path, *, soundfont: Path | None = None, seconds: float = 60.0) -> str:
    """Render the beats in `destination` as mono FLAC files of 22,050 Hz: `rock/drummer1-session1-12.flac`.

    soundfont: whose drums sound, those of `SOUNDFONT` if left out. seconds: longer performances are cut there. Columns
    of the manifest: `bpm`, `beat_type`, `style`, `time_signature`, `official`, and the first word of the style as
    `label`.
    Returns a summary. Raises `ConfigError` without fluidsynth or soundfont, for files that are missing or cannot be
    rendered, a tempo or duration that is no number above 0, fewer than five drummers, and an existing destination.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise ConfigError(f"MIDI becomes sound with fluidsynth, which is not installed: {_PACKAGES}")
    soundfont = soundfont or SOUNDFONT
    if not soundfont.is_file():
        raise ConfigError(f"there is no soundfont {soundfont}: {_PACKAGES}, or name another with --soundfont")
    if not seconds > 0:
        raise ConfigError(f"seconds must be above 0, got {seconds:g}")
    rows = _beats(source / INFO)
    fold_of = drummer_folds([row["drummer"] for row in rows])
    with new_corpus(destination) as corpus, TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        work = []
        for row in rows:
            label, name = row["style"].split("/")[0], row["id"].replace("/", "-")
            columns = {key: row[key] for key in ("bpm", "beat_type", "style", "time_signature")}
            columns |= {"fold": fold_of[row["drummer"]], "group": row["drummer"], "official": row["split"]}
            target = corpus.add(f"{label}/{name}.flac", label, **columns)
            length_s = min(seconds, float(row["duration"]))
            command = [program, "-niq", "-f", os.devnull, "-r", str(SAMPLE_RATE), "-g", str(_GAIN)]
            # Where it cannot read the soundfont, it would quietly take the system's own.
            command += ["-o", f"synth.default-soundfont={soundfont}"]
            command += ["-F", str(Path(folder) / f"{name}.wav"), str(soundfont), str(source / row["midi_filename"])]
            work.append(pool.submit(_render, command, target, length_s))
        try:
            for rendering in track(work, "beats", len(work)):
                rendering.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return corpus.summary()


def drummer_folds(drummers: Sequence[str], folds: int = FOLDS) -> dict[str, str]:
    """The fold, `1` to `folds`, of each drummer, from the drummer of every beat: whole drummers, as even as they go.

    Raises `ConfigError` if there are fewer drummers than folds.
    """
    counts = sorted(Counter(drummers).items(), key=lambda item: (-item[1], item[0]))
    if len(counts) < folds:
        raise ConfigError(f"{folds} folds need as many drummers, the table has beats of {len(counts)}")
    sizes = [0] * folds
    fold_of = {}
    for drummer, number in counts:
        smallest = sizes.index(min(sizes))
        sizes[smallest] += number
        fold_of[drummer] = str(smallest + 1)
    return fold_of


def _beats(path: Path) -> list[dict[str, str]]:
    """The rows that are beats, checked."""
    rows = read_table(path, f"{INFO} and drummer1 to drummer10", _NEEDED, inside="midi_filename")
    for number, row in enumerate(rows, start=1):
        for column in ("bpm", "duration"):
            try:
                fits = 0 < float(row[column]) < math.inf
            except ValueError:
                fits = False
            if not fits:
                raise ConfigError(
                    f"row {number} of {path} must have a number above 0 as {column}, it has {row[column]!r}; "
                    "fetch the file again"
                )
        midi = path.parent / row["midi_filename"]
        if row["beat_type"] == "beat" and not midi.is_file():
            raise ConfigError(f"{midi}, row {number} of {path}, does not exist; unpack the MIDI archive again")
    return [row for row in rows if row["beat_type"] == "beat"]


def _render(command: Sequence[str], target: Path, seconds: float) -> None:
    """Run `command`, fluidsynth with its output before the soundfont and the MIDI file, and keep `seconds` of it."""
    rendered, midi = Path(command[-3]), command[-1]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIME_LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"fluidsynth was still at {midi} after {_TIME_LIMIT_S} s; unpack it again") from error
    reason = " ".join(line.strip() for line in done.stderr.splitlines() if "warning" not in line)
    if done.returncode or not rendered.is_file():
        raise ConfigError(f"fluidsynth could not render {midi}: {reason or 'no reason given'}")
    samples = soundfile.read(rendered, frames=round(seconds * SAMPLE_RATE), dtype="float32", always_2d=True)[0]
    rendered.unlink()
    mono = samples.mean(axis=1)
    if not len(mono) or abs(mono).max() < _QUIET:
        raise ConfigError(f"{midi} came out silent: {reason or 'no notes, or no drums in the soundfont'}")
    soundfile.write(target, mono, SAMPLE_RATE, subtype="PCM_16")
