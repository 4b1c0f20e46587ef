"""OUT is never half written."""

import os
import stat
import threading

import pytest

from audiocnn.batch.complete_file import complete_file


def test_out_holds_the_old_rows_until_the_new_ones_are_complete(tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    with complete_file(out) as stream:
        stream.write("new")
        assert out.read_text() == "old"
    assert out.read_text() == "new"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_an_error_leaves_out_alone_and_nothing_beside_it(tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")

    def crash():
        with complete_file(out) as stream:
            stream.write("finished rows")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert out.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "out.csv"
    link.symlink_to("real/rows.csv")
    with complete_file(link) as stream:
        stream.write("rows")
    assert link.is_symlink()
    assert (tmp_path / "real" / "rows.csv").read_text() == "rows"


def test_pipes_and_devices_are_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    with complete_file(pipe) as stream:
        stream.write("rows")
    reader.join(timeout=10)
    assert read == ["rows"]
    assert pipe.is_fifo()


def test_who_may_read_the_old_rows_may_read_the_new_ones_and_nobody_else(tmp_path):
    out = tmp_path / "out.csv"
    out.write_text("old")
    for mode in (0o600, 0o444):
        out.chmod(mode)
        with complete_file(out) as stream:
            stream.write("new")
        assert (out.read_text(), stat.S_IMODE(out.stat().st_mode)) == ("new", mode)
