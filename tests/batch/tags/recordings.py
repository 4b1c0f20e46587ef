"""Recordings of every kind that tags go into, and what they sound like."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile

from tests.audio_files import music

RATE = 44_100


def _soundfile(format: str, subtype: str, channels: int = 2, rate: int = RATE) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        # An odd number of samples: chunks of bytes then need padding.
        sound = music(seconds=1, sample_rate=rate, channels=channels)[:, :-1]
        soundfile.write(path, sound.T, rate, format=format, subtype=subtype)

    return write


def _mp4(codec: str, sample_format: str, **options: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        sound = music(seconds=1, sample_rate=RATE, channels=2).astype(np.float32)
        with av.open(str(path), "w", options=options) as container:
            stream = container.add_stream(codec, rate=RATE, layout="stereo")
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
            frame.sample_rate = RATE
            resampler = av.AudioResampler(format=sample_format, layout="stereo", rate=RATE)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))

    return write


def _flac_in_ogg(path: Path) -> None:
    flac = path.with_suffix(".flac")
    _soundfile("FLAC", "PCM_16")(flac)
    with av.open(str(flac)) as source, av.open(str(path), "w", "ogg") as container:
        stream = container.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    flac.unlink()


RECORDINGS: dict[str, Callable[[Path], None]] = {
    "song.mp3": _soundfile("MP3", "MPEG_LAYER_III"),
    "song.flac": _soundfile("FLAC", "PCM_16"),
    "song.ogg": _soundfile("OGG", "VORBIS"),
    "song.opus": _soundfile("OGG", "OPUS", rate=48_000),
    "flac.oga": _flac_in_ogg,
    "pcm16.wav": _soundfile("WAV", "PCM_16"),
    "mono24.wav": _soundfile("WAV", "PCM_24", channels=1),
    "mono8.wav": _soundfile("WAV", "PCM_U8", channels=1),
    "float.wav": _soundfile("WAV", "FLOAT"),
    "extensible.wav": _soundfile("WAVEX", "PCM_24"),
    "song.aiff": _soundfile("AIFF", "PCM_16"),
    "mono24.aif": _soundfile("AIFF", "PCM_24", channels=1),
    "float.aifc": _soundfile("AIFF", "FLOAT"),
    "aac.m4a": _mp4("aac", "fltp"),
    "faststart.m4a": _mp4("aac", "fltp", movflags="faststart"),
    "alac.m4a": _mp4("alac", "s16p"),
    "fragments.mp4": _mp4("aac", "fltp", movflags="frag_keyframe+empty_moov"),
}


def sound_hash(path: Path) -> str:
    """A hash of the decoded samples, by a decoder that is not ours."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            digest.update(np.ascontiguousarray(frame.to_ndarray()).tobytes())
    return digest.hexdigest()
