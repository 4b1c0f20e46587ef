"""Genres are written into real files of every kind: read back by mutagen, with the same sound and all other tags."""

import errno
import fcntl
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen.apev2 import APEv2
from mutagen.id3 import APIC, ID3, TCON, TDRC, TIT2, TXXX
from mutagen.mp3 import MP3
from mutagen.wave import WAVE

from audiocnn import decode
from audiocnn.batch.result import TagOutcome
from audiocnn.batch.tags.containers import open_tags
from audiocnn.batch.tags.write import write_genres
from tests.audio_files import chunk, format_body, music, tone, wav_bytes
from tests.batch.tags.recordings import RECORDINGS, sound_hash

GENRE = ("Rock & Röll",)
TWO = ("Rock & Röll", "ポップ")


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    for name, write in RECORDINGS.items():
        write(folder / name)
    return folder


@pytest.fixture
def copy(recordings, tmp_path):
    return lambda name: Path(shutil.copy(recordings / name, tmp_path / name))


def genres(path: Path) -> tuple[str, ...]:
    """What mutagen reads without our code."""
    file = mutagen.File(path)
    frames = file.tags.getall("TCON") if hasattr(file.tags, "getall") else None
    if frames is not None:
        return tuple(genre for frame in frames for genre in frame.genres)
    return tuple(file.tags.get("\xa9gen" if path.suffix in (".m4a", ".mp4") else "genre") or ())


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_genre_is_in_the_file_and_the_sound_is_the_same(copy, name):
    path = copy(name)
    before = sound_hash(path)
    assert write_genres(str(path), TWO) == TagOutcome("written", TWO)
    assert genres(path) == TWO
    assert sound_hash(path) == before
    assert write_genres(str(path), TWO) == TagOutcome("same", TWO, TWO)
    assert write_genres(str(path), GENRE) == TagOutcome("kept", GENRE, TWO)
    assert genres(path) == TWO
    assert write_genres(str(path), GENRE, overwrite=True) == TagOutcome("written", GENRE, TWO)
    assert genres(path) == GENRE
    assert sound_hash(path) == before
    assert os.listdir(path.parent) == [name]


@pytest.mark.parametrize("name", [name for name in RECORDINGS if not name.endswith(("m4a", "mp4", "oga"))])
def test_this_library_hears_the_same_too(copy, name):
    path = copy(name)
    before = decode(path).samples
    assert write_genres(str(path), TWO).status == "written"
    assert np.array_equal(decode(path).samples, before)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_dry_run_tells_and_does_nothing(copy, name):
    path = copy(name)
    before, status = path.read_bytes(), path.stat()
    assert write_genres(str(path), GENRE, dry_run=True) == TagOutcome("would_write", GENRE)
    assert path.read_bytes() == before
    assert path.stat() == status
    write_genres(str(path), TWO)
    before = path.read_bytes()
    assert write_genres(str(path), GENRE, dry_run=True).status == "kept"
    assert write_genres(str(path), GENRE, dry_run=True, overwrite=True) == TagOutcome("would_write", GENRE, TWO)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["song.flac", "song.ogg", "song.opus", "aac.m4a", "flac.oga"])
def test_other_tags_stay(copy, name):
    path = copy(name)
    title = "\xa9nam" if name.endswith("m4a") else "title"
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file[title] = ["A title"]
    file.save()
    write_genres(str(path), GENRE)
    assert mutagen.File(path)[title] == ["A title"]


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("name", ["song.mp3", "pcm16.wav", "song.aiff"])
def test_id3_keeps_its_version_and_all_other_frames(copy, name, version):
    path = copy(name)
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(TIT2(encoding=1, text=["A title"]))
    file.tags.add(TDRC(encoding=1, text=["2001-02-03"]))
    file.tags.add(TXXX(encoding=1, desc="mine", text=["keep"]))
    file.tags.add(APIC(encoding=0, mime="image/png", type=3, desc="", data=b"picture" * 1000))
    if version == 3:
        file.tags.update_to_v23()
    file.save(v2_version=version)
    write_genres(str(path), GENRE)
    tags = type(mutagen.File(path))(path, translate=False).tags if name == "song.mp3" else mutagen.File(path).tags
    assert tags.version == (2, version, 0)
    assert (tags["TIT2"].text, tags["TXXX:mine"].text) == (["A title"], ["keep"])
    assert tags["APIC:"].data == b"picture" * 1000
    assert str(mutagen.File(path).tags["TDRC"].text[0]) == "2001-02-03"


def test_the_old_id3_version_1_at_the_end_counts_and_follows(copy):
    path = copy("song.mp3")
    file = MP3(path)
    file.add_tags()
    file.tags.add(TCON(encoding=3, text=["Blues"]))
    file.save(v1=2)
    ID3(path).delete(delete_v1=False, delete_v2=True)
    assert write_genres(str(path), ("Rock",)) == TagOutcome("kept", ("Rock",), ("Blues",))
    before = sound_hash(path)
    assert write_genres(str(path), ("Rock",), overwrite=True).status == "written"
    assert path.read_bytes()[-1] == 17  # Rock, of the list in ID3v1
    assert sound_hash(path) == before


def test_genres_of_blanks_count_as_none(copy):
    path = copy("song.flac")
    file = mutagen.File(path)
    file["GENRE"] = [" ", ""]
    file.save()
    assert write_genres(str(path), GENRE).status == "written"
    assert mutagen.File(path)["genre"] == list(GENRE)


def test_a_genre_in_the_info_list_of_a_wav_file_is_not_overruled(tmp_path):
    path = tmp_path / "song.wav"
    info = chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Title\0") + chunk(b"IGNR", b"Jazz\0"))
    body = b"WAVE" + chunk(b"fmt ", format_body()) + info + chunk(b"data", bytes(3200))
    path.write_bytes(chunk(b"RIFF", body))
    assert write_genres(str(path), GENRE) == TagOutcome("kept", GENRE, ("Jazz",))


def test_a_genre_in_the_ape_tags_of_an_mp3_is_not_overruled(copy):
    path = copy("song.mp3")
    tags = APEv2()
    tags["Genre"] = ["Ambient", "Dub"]
    tags.save(path)
    assert write_genres(str(path), GENRE) == TagOutcome("kept", GENRE, ("Ambient", "Dub"))
    assert write_genres(str(path), GENRE, overwrite=True).status == "written"
    assert list(APEv2(path)["Genre"]) == ["Ambient", "Dub"]
    assert genres(path) == GENRE


def test_a_genre_in_an_id3_tag_before_flac_is_not_overruled(copy):
    path = copy("song.flac")
    tags = ID3()
    tags.add(TCON(encoding=3, text=["Metal"]))
    tags.save(path)
    assert write_genres(str(path), GENRE) == TagOutcome("kept", GENRE, ("Metal",))
    assert write_genres(str(path), GENRE, overwrite=True).status == "written"
    assert ID3(path)["TCON"].genres == ["Metal"]
    assert genres(path) == GENRE


class TestDamage:
    """Nothing is written to a file that is not what it seems."""

    def refused(self, path: Path, said: str) -> None:
        before = path.read_bytes()
        for dry_run in (True, False):
            outcome = write_genres(str(path), GENRE, dry_run=dry_run)
            assert outcome.status == "failed"
            assert said in outcome.detail
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == [path.name]

    def test_sizes_that_do_not_fit_the_file(self, tmp_path):
        whole = wav_bytes(music(seconds=1))
        for number, (data, said) in enumerate(
            [
                (whole[:-100], "its header promises"),
                (whole + b"junk", "its header promises"),
                (whole[:4] + b"\xff\xff\xff\xff" + whole[8:], "its header promises"),
                (whole[:40] + b"\xff\xff\xff\xff" + whole[44:], "a chunk reaches beyond the end"),
                (whole[:40] + struct.pack("<I", 7) + whole[44:], "a chunk reaches beyond the end"),
            ]
        ):
            path = tmp_path / str(number) / "song.wav"
            path.parent.mkdir()
            path.write_bytes(data)
            self.refused(path, said)

    def test_wav_with_a_codec(self, tmp_path):
        path = tmp_path / "song.wav"
        path.write_bytes(wav_bytes(tone(sample_rate=8000), 8000, subtype="ULAW"))
        self.refused(path, "PCM, float, extensible samples, and this one holds codec 0x0007")

    def test_rf64_is_left_alone(self, tmp_path):
        path = tmp_path / "song.wav"
        path.write_bytes(b"RF64" + wav_bytes(tone())[4:])
        before = path.read_bytes()
        assert write_genres(str(path), GENRE).status == "failed"
        assert path.read_bytes() == before

    @pytest.mark.parametrize("name", RECORDINGS)
    def test_a_file_cut_in_half_keeps_what_it_has(self, copy, name):
        path = copy(name)
        half = path.read_bytes()[: path.stat().st_size // 2]
        path.write_bytes(half)
        outcome = write_genres(str(path), GENRE)
        if outcome.status == "failed":
            assert path.read_bytes() == half
        else:
            assert genres(path) == GENRE
        assert os.listdir(path.parent) == [name]

    def test_noise_under_any_name(self, tmp_path):
        for number, extension in enumerate(("mp3", "flac", "ogg", "wav", "aiff", "m4a", "opus")):
            path = tmp_path / str(number) / f"noise.{extension}"
            path.parent.mkdir()
            path.write_bytes(bytes(range(256)) * 50)
            assert write_genres(str(path), GENRE).status in ("failed", "unsupported")
            assert path.read_bytes() == bytes(range(256)) * 50
            assert os.listdir(path.parent) == [path.name]

    def test_a_file_that_is_gone(self, tmp_path):
        outcome = write_genres(str(tmp_path / "gone.mp3"), GENRE)
        assert outcome.status == "failed"


def test_no_label_opens_nothing(tmp_path):
    assert write_genres(str(tmp_path / "gone.mp3"), ()) == TagOutcome("no_label")


@pytest.mark.parametrize("extension", ["caf", "au"])
def test_kinds_without_such_tags_are_named(tmp_path, extension):
    import soundfile

    path = tmp_path / f"song.{extension}"
    soundfile.write(path, tone()[0], 16_000)
    before = path.read_bytes()
    outcome = write_genres(str(path), GENRE)
    assert (outcome.status, outcome.detail) == ("unsupported", "this kind of file has no tags that we can write")
    assert path.read_bytes() == before


class TestTheFileItself:
    def test_mode_and_attributes_stay_and_the_time_of_change_is_now(self, copy):
        path = copy("song.flac")
        path.chmod(0o640)
        os.utime(path, (1e9, 1e9))
        attributes = True
        try:
            os.setxattr(path, "user.note", b"mine")
        except OSError as error:
            assert error.errno == errno.ENOTSUP  # noqa: PT017 not on every file system
            attributes = False
        started = time.time()
        write_genres(str(path), GENRE)
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o640
        assert started - 1 <= status.st_mtime <= time.time() + 1
        if attributes:
            assert os.getxattr(path, "user.note") == b"mine"

    def test_a_link_stays_a_link(self, copy, tmp_path):
        path = copy("song.flac")
        link = tmp_path / "link.flac"
        link.symlink_to("song.flac")
        assert write_genres(str(link), GENRE).status == "written"
        assert link.is_symlink()
        assert genres(path) == GENRE

    def test_a_write_protected_file_stays_so(self, copy, monkeypatch):
        path = copy("song.flac")
        path.chmod(0o444)
        monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root, who runs many a test, may write
        outcome = write_genres(str(path), GENRE)
        assert (outcome.status, outcome.detail) == ("failed", "the file is write-protected")
        assert genres(path) == ()

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_a_write_protected_folder_is_told_in_a_dry_run_too(self, copy, monkeypatch, dry_run):
        path = copy("song.flac")
        monkeypatch.setattr(os, "access", lambda place, mode: Path(place).is_file())
        outcome = write_genres(str(path), GENRE, dry_run=dry_run)
        assert outcome.status == "failed"
        assert "its folder is write-protected" in outcome.detail
        assert genres(path) == ()

    @pytest.mark.parametrize("name", ["\u00fcn\u00ef 音楽.flac", "x" * 250 + ".flac", "caf\udce9.flac", "=1.flac"])
    def test_any_name_will_do(self, copy, tmp_path, name):
        path = copy("song.flac").rename(tmp_path / name)
        assert write_genres(str(path), GENRE).status == "written"
        assert os.listdir(tmp_path) == [name]

    def test_the_old_file_is_there_until_the_new_one_is_whole(self, copy, monkeypatch):
        path = copy("song.mp3")
        before = path.read_bytes()
        for function in ("replace", "fsync"):
            with monkeypatch.context() as patch:
                patch.setattr(os, function, lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left")))
                outcome = write_genres(str(path), GENRE)
            assert (outcome.status, outcome.detail) == ("failed", "No space left")
            assert path.read_bytes() == before
            assert os.listdir(path.parent) == ["song.mp3"]

    def test_a_file_that_changes_meanwhile_is_not_lost(self, copy, monkeypatch):
        path = copy("song.mp3")

        def someone_else_writes(*_):
            path.write_bytes(b"other")

        monkeypatch.setattr(os, "fsync", someone_else_writes)
        outcome = write_genres(str(path), GENRE)
        assert outcome.status == "failed"
        assert "another program changed the file" in outcome.detail
        assert path.read_bytes() == b"other"

    def test_two_runs_never_write_one_copy(self, copy, monkeypatch):
        path = copy("song.mp3")
        outcomes = []
        monkeypatch.setattr(os, "fsync", lambda _: outcomes.append(write_genres(str(path), ("Pop",))))
        assert write_genres(str(path), GENRE).status == "written"
        assert [outcome.status for outcome in outcomes] == ["failed"]
        assert "another run writes its tags" in outcomes[0].detail
        assert genres(path) == GENRE
        assert os.listdir(path.parent) == ["song.mp3"]

    def test_what_another_run_has_put_in_place_is_not_taken_for_a_copy(self, copy, monkeypatch):
        path = copy("song.mp3")
        lock = fcntl.flock

        def late(descriptor, how):
            (part,) = path.parent.glob(".audiocnn-*")
            part.unlink()  # as at the end of another run
            lock(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", late)
        assert "another run writes its tags" in write_genres(str(path), GENRE).detail
        assert os.listdir(path.parent) == ["song.mp3"]

    def test_file_systems_without_locks_will_do(self, copy, monkeypatch):
        monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks")))
        assert write_genres(str(copy("song.mp3")), GENRE).status == "written"

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_the_owner_stays_or_nothing_is_written(self, copy, monkeypatch):
        path = copy("song.mp3")
        before = path.read_bytes()
        os.chown(path, 1234, 4321)
        with monkeypatch.context() as patch:
            patch.setattr(os, "chown", lambda *_: (_ for _ in ()).throw(PermissionError(errno.EPERM, "not permitted")))
            outcome = write_genres(str(path), GENRE)
        assert (outcome.status, path.read_bytes()) == ("failed", before)
        assert "it belongs to another user or group" in outcome.detail
        assert write_genres(str(path), GENRE).status == "written"
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)

    def test_a_copy_that_does_not_read_back_is_thrown_away(self, copy, monkeypatch):
        path = copy("pcm16.wav")
        before = path.read_bytes()
        monkeypatch.setattr(WAVE, "save", lambda *_, **__: None)
        outcome = write_genres(str(path), GENRE)
        assert "expected the genres" in outcome.detail
        assert path.read_bytes() == before

    def test_a_copy_with_other_sound_is_thrown_away(self, copy, monkeypatch):
        path = copy("song.flac")
        before = path.read_bytes()
        opened = open_tags(path).sound
        monkeypatch.setattr(
            "audiocnn.batch.tags.containers.Tags.sound",
            property(lambda tags: opened if tags._path == path else (opened[0] / 2, *opened[1:])),
        )
        assert "does not describe the same sound" in write_genres(str(path), GENRE).detail
        assert path.read_bytes() == before


TOGGLE = """
import sys
from audiocnn.batch.tags.write import write_genres

print("ready", flush=True)
while True:
    for genre in ("Rock", "Pop"):
        for path in sys.argv[1:]:
            assert write_genres(path, (genre,), overwrite=True).status == "written"
"""


def test_kill_9_at_any_moment_leaves_whole_files(copy):
    paths = [copy(name) for name in ("song.mp3", "song.flac", "pcm16.wav", "aac.m4a")]
    before = [sound_hash(path) for path in paths]
    moments = random.Random(6)
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", TOGGLE, *map(str, paths)], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.02, 0.3))
        child.kill()
        child.communicate(timeout=10)
        assert [sound_hash(path) for path in paths] == before
        assert all(genres(path) in ((), ("Rock",), ("Pop",)) for path in paths)
    for path in paths:
        write_genres(str(path), GENRE, overwrite=True)
    assert sorted(os.listdir(paths[0].parent)) == sorted(path.name for path in paths)  # no copies pile up
