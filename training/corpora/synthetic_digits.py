"""Synthetic digits: the words zero to nine, spoken by the synthesiser eSpeak NG in eleven hundred voices.

Citation and licence: none needed for what this project makes, which is under its own licence, Apache-2.0. eSpeak NG
(GPL 3) is run as a program and not part of it. Say "synthetic" beside every figure measured on it.

For a task with few real speakers: a network that has learned these first, or learns them as well, has heard more
voices than any small corpus has (docs/results.md). A fifth of the clips is by voices of other languages that read the
words as their spelling there would have them, for accents.

Split: none. `group` is the voice; `pitch` and `speed` are in the manifest too.

Traps: every voice computes its sounds in the same way, without breath, noise or hesitation. That is easy, not speech:
a network that is right in 0.998 of the clips, of voices it has not heard, is so in 0.63 of those of `fsdd.py`.
"""

import io
import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from audiocnn.errors import ConfigError
from audiocnn.waveform import Samples
from training.corpora.folder import new_corpus
from training.progress import track

ENGLISH = (
    "en-gb",
    "en-us",
    "en-gb-scotland",
    "en-gb-x-gbclan",
    "en-gb-x-rp",
    "en-gb-x-gbcwmd",
    "en-029",
)
WORDS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "de": ("siero", "wann", "tu", "ssri", "fohr", "faif", "sicks", "sewwen", "eyt", "nein"),
    "fr": ("ziro", "ouane", "tou", "sri", "faure", "faïve", "sixe", "sévène", "eïte", "naïne"),
    "el": ("ζίρο", "ουάν", "του", "θρι", "φορ", "φάιβ", "σιξ", "σέβεν", "έιτ", "νάιν"),
    "nl": ("ziero", "wan", "toe", "srie", "foor", "faif", "siks", "sevven", "eet", "nain"),
    "it": ("siro", "uan", "tu", "tri", "for", "faiv", "six", "seven", "eit", "nain"),
    "es": ("siro", "uan", "tu", "zri", "for", "faiv", "six", "seven", "eit", "nain"),
}
"""The digits as English has them, and as somebody who reads them in another language would."""

_NAMES = """
adam Alex Alicia Andrea Andy Annie AnxiousAndy Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike
Nguyen RicishayMax RicishayMax2 RicishayMax3 Storm Tweaky anika antonio aunty belinda benjamin boris caleb david ed
edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave iven iven2 iven3 iven4 john kaukovalta klatt klatt2 klatt3
klatt4 klatt5 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro quincy rob
robert sandro shelby steph steph2 steph3 travis victor whisper whisperf zac
"""
SPEAKERS = tuple(_NAMES.split())
"""The variants of voices in eSpeak NG 1.51 that sound like people."""

FOREIGN = 0.2  # share of the clips
PITCHES = (10, 90)  # of 0 to 99
SPEEDS = (110, 240)  # words a minute
ROOMS = 0.4  # share of the clips that have one
ENDINGS = ("", "!", "?", ",")
_ENDING_SHARES = (0.6, 0.12, 0.12, 0.16)
_FRAME_S = 0.01
_ATTEMPTS = 5
_TIME_LIMIT_S = 60
_PACKAGE = "install the package espeak-ng (apt-get install, on Debian and Ubuntu)"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is said and how. text: as the synthesiser reads it. pitch: 0 to 99. speed: words a minute."""

    digit: int
    voice: str
    text: str
    pitch: int
    speed: int


def convert(destination: Path, *, clips: int = 10_000, seed: int = 0) -> str:
    """Let `clips` digits be spoken into `destination`: mono FLAC files, `7/00017.flac`. Labels are the digits.

    clips: a multiple of 10. The same seed and version of eSpeak NG give the same clips, whatever their number.
    Returns a summary. Raises `ConfigError` for other values, without espeak-ng, where it fails, and for an existing
    destination.
    """
    if clips < 10 or clips % 10:
        raise ConfigError(f"clips must be a multiple of 10, as many of each digit, got {clips}")
    if seed < 0:
        raise ConfigError(f"seed must be 0 or more, got {seed}")
    program = shutil.which("espeak-ng")
    if program is None:
        raise ConfigError(f"the words are spoken by espeak-ng, which is not installed: {_PACKAGE}")
    with new_corpus(destination) as corpus, ThreadPoolExecutor(os.cpu_count()) as pool:
        spoken = pool.map(partial(_speak, program, seed), range(clips))  # which forgets what it has given
        try:
            for index, (said, samples, sample_rate) in enumerate(track(spoken, "clips", clips)):
                path = corpus.add(
                    f"{said.digit}/{index:05d}.flac",
                    str(said.digit),
                    group=said.voice,
                    pitch=str(said.pitch),
                    speed=str(said.speed),
                )
                soundfile.write(path, samples, sample_rate, subtype="PCM_16")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        return corpus.summary()


def draw_utterance(digit: int, random: np.random.Generator) -> Utterance:
    """A random way to say `digit`."""
    if random.random() < FOREIGN:
        language = str(random.choice([name for name in WORDS if name != "en"]))
        voice, word = language, WORDS[language][digit]
    else:
        voice, word = str(random.choice(ENGLISH)), WORDS["en"][digit]
    return Utterance(
        digit,
        f"{voice}+{random.choice(SPEAKERS)}",
        word + str(random.choice(ENDINGS, p=_ENDING_SHARES)),
        int(random.integers(*PITCHES)),
        int(random.integers(*SPEEDS)),
    )


def cut(samples: Samples, sample_rate: int, threshold: float, margins_s: tuple[float, float]) -> Samples:
    """The word alone: from the first to the last moment louder than `threshold` of the loudest one, and `margins_s`
    before and behind it."""
    frame = round(_FRAME_S * sample_rate)
    power = np.convolve(samples.astype(np.float64) ** 2, np.ones(frame) / frame, "same")
    loud = np.flatnonzero(power > threshold**2 * power.max())
    start, stop = (round(margin * sample_rate) for margin in margins_s)
    return samples[max(0, loud[0] - start) : loud[-1] + 1 + stop]


def in_room(samples: Samples, sample_rate: int, length_s: float, level: float, random: np.random.Generator) -> Samples:
    """The sound and its echoes: noise that has fallen by 52 dB after `length_s`, with `level` of the sound's energy."""
    length = max(1, round(length_s * sample_rate))
    echoes = random.standard_normal(length) * np.exp(-6 * np.arange(length) / length)
    echoes *= level / np.sqrt((echoes**2).sum())
    echoes[0] += 1
    return np.convolve(samples, echoes)[: len(samples) + length // 3].astype(np.float32)


def _speak(program: str, seed: int, index: int) -> tuple[Utterance, Samples, int]:
    """Clip `index`: how it is said, its samples, and their rate. A voice that has no sound for it gives way."""
    random = np.random.default_rng([seed, index])
    for _ in range(_ATTEMPTS):
        said = draw_utterance(index % 10, random)
        command = [program, "-v", said.voice, "-p", str(said.pitch), "-s", str(said.speed), "--stdout", said.text]
        samples, sample_rate = _sound(command)
        threshold, before_s, behind_s = random.uniform(0.01, 0.06), random.uniform(0, 0.03), random.uniform(0, 0.04)
        room = (random.uniform(0.03, 0.2), random.uniform(0.05, 0.4)) if random.random() < ROOMS else None
        if not samples.any():
            continue
        samples = cut(samples, sample_rate, threshold, (before_s, behind_s))
        if room:
            samples = in_room(samples, sample_rate, *room, random)
        return said, 0.9 * samples / np.abs(samples).max(), sample_rate
    raise ConfigError(f"espeak-ng said nothing in {_ATTEMPTS} voices, {said.voice} the last of them; {_PACKAGE} anew")


def _sound(command: Sequence[str]) -> tuple[Samples, int]:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIME_LIMIT_S)
        if not done.returncode:
            samples, sample_rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
            return samples, sample_rate
        reason = done.stderr.decode(errors="replace").strip()
    except subprocess.TimeoutExpired:
        reason = f"still at it after {_TIME_LIMIT_S} s"
    except soundfile.LibsndfileError as error:
        reason = str(error)
    raise ConfigError(f"espeak-ng could not say {command[-1]!r} as {command[2]}: {reason or 'no reason given'}")
