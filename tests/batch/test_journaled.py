"""What is done again, and what is not."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audiocnn import AudioCnnError, classify_folder
from audiocnn.batch.discover import discover
from audiocnn.batch.journal import Journal
from audiocnn.batch.journaled import JournaledBatch
from audiocnn.batch.merge import merge_consecutive
from audiocnn.batch.one_file import loaded
from audiocnn.batch.result import FileError
from audiocnn.errors import ConfigError, JournalError, WindowError
from audiocnn.limits import DecodeLimits
from tests.audio_files import encoded, music, wav_bytes

SOUNDS = [wav_bytes(music(seconds=0.6, seed=seed)) for seed in range(3)]


@pytest.fixture
def folder(tmp_path):
    """Two good files and a bad one."""
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "a.wav").write_bytes(SOUNDS[0])
    (folder / "b.wav").write_bytes(SOUNDS[1])
    (folder / "c.wav").write_bytes(b"no sound")
    return folder


@pytest.fixture
def batch(folder, tiny_model):
    """Runs a batch over the folder; gives the names of the files it has classified itself, and all results."""

    def run(journal="j", model=tiny_model, *, paths=None, retry_failed=False, meanwhile=None, **options):
        with loaded(model, 2, **options) as classify, Journal(folder.parent / journal) as opened:
            found = discover([str(folder)]) if paths is None else [str(path) for path in paths]
            batch = JournaledBatch(found, classify, opened, retry_failed=retry_failed)
            if meanwhile:
                meanwhile()
            done = list(batch.run(2))
            assert len(done) == batch.total
            results = list(batch.results())
        fresh = {Path(one.path).name for one in done if one.fresh}
        assert {one.path: one.ok for one in done} == {file.path: file.ok for file in results}
        return fresh, {Path(file.path).name: file for file in results}

    return run


ALL = {"a.wav", "b.wav", "c.wav"}


def test_a_second_run_classifies_nothing_and_says_the_same(batch):
    fresh, first = batch()
    assert fresh == ALL
    fresh, second = batch()
    assert fresh == set()
    assert second == first
    assert [file.request_id for file in second.values()] == [file.request_id for file in first.values()]
    assert [file.ok for file in second.values()] == [True, True, False]


def test_only_what_is_new_or_has_changed_is_done_again(batch, folder):
    batch()
    (folder / "d.wav").write_bytes(SOUNDS[0])
    (folder / "b.wav").write_bytes(SOUNDS[2])
    fresh, results = batch()
    assert fresh == {"d.wav", "b.wav"}
    assert results["d.wav"].outcome.predictions == results["a.wav"].outcome.predictions
    os.utime(folder / "a.wav", ns=(0, 1))
    assert batch()[0] == {"a.wav"}
    assert batch()[0] == set()


def test_a_bad_file_is_tried_again_when_asked_or_mended(batch, folder):
    batch()
    assert batch(retry_failed=True)[0] == {"c.wav"}
    (folder / "c.wav").write_bytes(SOUNDS[2])
    fresh, results = batch()
    assert (fresh, results["c.wav"].ok) == ({"c.wav"}, True)
    assert batch(retry_failed=True)[0] == set()


def test_what_could_not_be_opened_is_tried_again(batch, folder):
    missing = folder / "later.wav"
    _, results = batch(paths=[missing])
    assert results["later.wav"].outcome.code == "unreadable_file"
    missing.write_bytes(SOUNDS[0])
    fresh, results = batch(paths=[missing])
    assert (fresh, results["later.wav"].ok) == ({"later.wav"}, True)


def test_files_that_are_gone_or_not_named_are_left_out(batch, folder):
    batch()
    (folder / "a.wav").unlink()
    fresh, results = batch()
    assert (fresh, set(results)) == (set(), {"b.wav", "c.wav"})
    assert set(batch(paths=[folder / "b.wav"])[1]) == {"b.wav"}


def test_a_file_that_comes_twice_is_one(batch, folder, monkeypatch):
    monkeypatch.chdir(folder)
    _, results = batch(paths=["a.wav", "./a.wav", folder / "a.wav", "b.wav"])
    assert [file.path for file in results.values()] == ["a.wav", "b.wav"]


@pytest.mark.parametrize("options", [{"window_s": 1.0}, {"hop_s": 0.1}, {"limits": DecodeLimits(max_duration_s=0.5)}])
def test_other_settings_do_all_of_it_again(batch, options):
    first = batch()[1]["a.wav"]
    fresh, results = batch(**options)
    assert fresh == ALL
    assert results["a.wav"].to_json(segments=True) != first.to_json(segments=True)
    assert batch(**options)[0] == set()


def test_the_same_settings_in_other_words_do_not(batch):
    batch()
    assert batch(window_s=0.5)[0] == set()
    assert batch(limits=DecodeLimits())[0] == set()


def test_another_model_does_all_of_it_again(batch, tiny_multi_label_model):
    batch()
    fresh, results = batch(model=tiny_multi_label_model)
    assert fresh == ALL
    assert results["a.wav"].outcome.labels is not None
    assert batch()[0] == ALL


def test_windows_that_the_model_does_not_take_end_it_at_once(batch):
    with pytest.raises(WindowError, match="window_s must lie between"):
        batch(window_s=60)


def test_a_file_that_vanishes_meanwhile_is_one_error(batch, folder):
    _, results = batch(meanwhile=(folder / "a.wav").unlink)
    assert results["a.wav"].outcome == FileError("unreadable_file", "cannot read a.wav: No such file or directory")
    assert results["b.wav"].ok


def test_a_file_that_grows_meanwhile_says_so_and_is_done_again(batch, folder, monkeypatch):
    from audiocnn.inference.classifier import Classifier

    whole = Classifier.classify

    def growing(self, path, *arguments, **options):
        answer = whole(self, path, *arguments, **options)
        if path.endswith("a.wav"):
            with open(path, "ab") as file:
                file.write(bytes(1000))
        return answer

    monkeypatch.setattr(Classifier, "classify", growing)
    _, results = batch()
    assert results["a.wav"].outcome.warnings == ("the file changed while it was read",)
    assert results["b.wav"].outcome.warnings == ()
    monkeypatch.undo()
    fresh, results = batch()
    assert (fresh, results["a.wav"].outcome.warnings) == ({"a.wav"}, ())


def test_damaged_records_are_told_at_the_end_and_done_anew(batch, folder):
    _, before = batch()
    with closing(sqlite3.connect(folder.parent / "j")) as database:
        database.execute("UPDATE files SET record = x'00'")
        database.commit()
    with pytest.raises(JournalError, match=r"the record of .*a\.wav is damaged: .*, and those of 1 other files; run"):
        batch()
    fresh, after = batch()
    assert fresh == {"a.wav", "b.wav"}  # the failure was noticed as soon as it was looked up, and done in that run
    assert {name: file.ok for name, file in after.items()} == {name: file.ok for name, file in before.items()}


class TestClassifyFolder:
    def test_results_are_those_of_out_and_of_a_stream(self, folder, tiny_model, tmp_path):
        (folder / "sub").mkdir()
        (folder / "sub" / "d.ogg").write_bytes(encoded(music(seconds=1), format="OGG"))
        out = tmp_path / "out.jsonl"
        streamed = list(classify_folder(folder, tiny_model))
        kept = list(classify_folder([folder], tiny_model, output=out))
        again = list(classify_folder(f"{tmp_path}/mus*", tiny_model, output=out))
        assert [Path(file.path).name for file in streamed] == ["a.wav", "b.wav", "c.wav", "d.ogg"]
        assert again == kept
        for one, other in zip(streamed, kept, strict=True):
            assert one.path == other.path
            assert one.ok == other.ok
            if one.ok:
                assert one.outcome.segments == other.outcome.segments
        assert out.read_text().count("\n") == 4
        assert out.read_text().count('"ok"') == 3

    def test_an_iterator_that_is_left_keeps_what_is_done_and_writes_nothing(self, folder, tiny_model, tmp_path):
        out = tmp_path / "out.csv"
        files = classify_folder(folder, tiny_model, output=out, workers=1)
        first = next(files)
        files.close()
        assert not out.exists()
        assert next(classify_folder(folder, tiny_model, output=out)) == first

    def test_several_formats(self, folder, tiny_model, tmp_path):
        out = tmp_path / "out"
        assert len(list(classify_folder(folder, tiny_model, output=out, formats=["csv", "audacity"], top_k=1))) == 3
        assert (out / "results.csv").read_text().startswith("path,status")

    def test_merged_windows_and_names_of_playlists(self, folder, tiny_model, tmp_path):
        results = list(classify_folder(folder, tiny_model))
        names = {label: label.upper() for file in results if file.ok for label in file.outcome.labels}
        out = tmp_path / "out"
        options = {"formats": ["csv", "m3u8"], "segments": True, "merge": True, "genre_map": names}
        list(classify_folder(folder, tiny_model, output=out, **options))
        assert {path.stem for path in (out / "playlists").glob("*.m3u8")} == set(names.values())
        spans = sum(len(merge_consecutive(file.outcome.segments)) for file in results if file.ok)
        failed = sum(not file.ok for file in results)
        assert len((out / "results.csv").read_text().splitlines()) == 1 + spans + failed

    def test_not_recursive(self, folder, tiny_model):
        (folder / "sub").mkdir()
        (folder / "sub" / "d.wav").write_bytes(SOUNDS[0])
        assert len(list(classify_folder(folder, tiny_model, recursive=False))) == 3

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"workers": 0}, "workers must be at least 1"),
            ({"model": "none"}, "no bundled model"),
            ({"formats": ["xml"]}, "unknown format 'xml'"),
            ({"formats": "xml"}, "unknown format 'xml'"),
            ({"top_k": 0}, "top_k must be a whole number of at least 1, got 0"),
            ({"top_k": "3"}, "top_k must be a whole number of at least 1, got '3'"),
            ({"threshold": float("nan")}, "threshold must be a score from 0 to 1, got nan"),
            ({"genre_map": {"rock": 3}}, "expected a name for 'rock'"),
            ({"engine": "spark"}, "engine must be one of local, ray, got 'spark'"),
            ({"output": "/no/such/folder/out.csv"}, "an existing folder"),
            ({"output": "/"}, "is a folder"),
            ({"output": "/dev/null"}, "is a pipe or a device"),
            ({"output": None, "formats": ["csv"]}, "give output too"),
            ({"output": None, "retry_failed": True}, "give output too"),
        ],
    )
    def test_wrong_values_are_refused_at_the_call(self, folder, tmp_path, options, said):
        with pytest.raises(AudioCnnError, match=said):
            classify_folder(folder, **{"output": tmp_path / "out.csv", **options})

    def test_a_recording_is_never_taken_for_output(self, folder):
        with pytest.raises(ConfigError, match="is called like audio"):
            classify_folder(folder, output=folder / "a.wav")
        assert (folder / "a.wav").read_bytes() == SOUNDS[0]

    def test_one_format_needs_no_list(self, folder, tiny_model, tmp_path):
        list(classify_folder(folder, tiny_model, output=tmp_path / "out", formats="csv"))
        assert (tmp_path / "out").read_text().startswith("path,status")

    def test_two_at_once_on_one_output(self, folder, tiny_model, tmp_path):
        one, two = (classify_folder(folder, tiny_model, output=tmp_path / "out.csv") for _ in range(2))
        next(one)
        with pytest.raises(JournalError, match="another run"):
            next(two)
        assert len(list(one)) == 2
