"""The journal: what was put is there, whatever ended the process; one run at a time; nothing foreign is touched."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from audiocnn.batch.inventory import Inventory, once
from audiocnn.batch.journal import Journal, journal_of
from audiocnn.errors import JournalError
from tests.batch.answers import failed

ROOT = Path(__file__).parents[2]
ONE, TWO = b"1" * 16, b"2" * 16


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.csv.journal"


class JournalMachine(RuleBasedStateMachine):
    """The journal against a dictionary, closed, opened and left behind by dead processes in between."""

    paths = st.sampled_from(["a.wav", "./a.wav", "/b.wav", "ü/音.wav", "caf\udce9.wav", "x'; DROP TABLE files; --"])
    identities = st.sampled_from(["1:1", "1:2", f"{2**63}:{2**70}", None])

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "j"
        self.journal = Journal(self.path)
        self.model: dict[str, tuple[str | None, bytes, bool, bytes]] = {}

    @rule(
        path=paths, identity=identities, fingerprint=st.sampled_from([ONE, TWO]), ok=st.booleans(), record=st.binary()
    )
    def put(self, path, identity, fingerprint, ok, record):
        self.journal.put(path, identity, fingerprint, ok, record)
        self.model[os.path.abspath(path)] = (identity, fingerprint, ok, record)

    @rule(path=paths, before=identities, after=identities, fingerprint=st.sampled_from([ONE, TWO]))
    def renew(self, path, before, after, fingerprint):
        if before is None or after is None:
            return
        self.journal.renew(path, before, after, fingerprint)
        key = os.path.abspath(path)
        if self.model.get(key, ())[:2] == (before, fingerprint):
            self.model[key] = (after, *self.model[key][1:])

    @rule(fresh=st.booleans())
    def open_again(self, fresh):
        self.journal.close()
        self.journal = Journal(self.path, fresh=fresh)
        if fresh:
            self.model = {}

    @rule(path=paths, identity=identities, fingerprint=st.sampled_from([ONE, TWO]))
    def find(self, path, identity, fingerprint):
        kept = self.model.get(os.path.abspath(path))
        same = kept is not None and identity is not None and kept[:2] == (identity, fingerprint)
        assert self.journal.find(path, identity, fingerprint) == (kept[2] if same else None)

    @invariant()
    def records_are_those_put_last(self):
        for path, (identity, fingerprint, ok, record) in self.model.items():
            assert self.journal.record(path, fingerprint) == record
            if identity is not None:
                assert self.journal.find(path, identity, fingerprint) == ok

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()


TestJournalAgainstADictionary = JournalMachine.TestCase
TestJournalAgainstADictionary.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)

WRITER = """
import sys
from pathlib import Path
from audiocnn.batch.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(10**9):
    journal.put(f"/{number}.wav", "1:1", b"1" * 16, True, b"x" * (number * 37 % 5000))
    print(number, flush=True)
"""


def test_only_the_change_we_made_ourselves_is_renewed(path):
    with Journal(path) as journal:
        journal.put("a.wav", "1:1", ONE, True, b"record")
        journal.renew("a.wav", "2:2", "3:3", ONE)  # someone else had changed it before
        journal.renew("a.wav", "1:1", "3:3", TWO)
        assert journal.find("a.wav", "3:3", ONE) is None
        journal.renew("a.wav", "1:1", "3:3", ONE)
        assert journal.find("a.wav", "3:3", ONE) is True


def start_writer(path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path)], env=environment, stdout=subprocess.PIPE)


def test_what_was_put_outlives_kill_9(path):
    last = -1
    for rows in (1, 7, 400):
        with start_writer(path) as process:
            for _ in range(rows):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read().splitlines()
        last = max(last, int(said[-1]) if said else rows - 1)
        with Journal(path) as journal:
            for number in range(last + 1):
                assert journal.find(f"/{number}.wav", "1:1", ONE) is True
                assert journal.record(f"/{number}.wav", ONE) == b"x" * (number * 37 % 5000)


def test_a_second_run_is_refused_until_the_first_is_gone(path):
    with start_writer(path) as process:
        process.stdout.readline()
        with pytest.raises(JournalError, match=r"another run is at work with .*out\.csv\.journal; wait until it ends"):
            Journal(path)
        with pytest.raises(JournalError, match="another run"):
            Journal(path, fresh=True)
        process.kill()
    Journal(path).close()


def test_in_one_process_too(path):
    with Journal(path), pytest.raises(JournalError, match="another run"):
        Journal(path)


def test_of_two_that_begin_at_once_exactly_one_gets_it(path):
    for _ in range(5):
        meeting, opened, refused = threading.Barrier(2), [], []

        def begin(meeting=meeting, opened=opened, refused=refused):
            meeting.wait()
            try:
                opened.append(Journal(path))
            except JournalError:
                refused.append(1)

        threads = [threading.Thread(target=begin) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(opened), len(refused)) == (1, 1)
        opened[0].close()


def test_threads_share_it(path):
    with Journal(path) as journal:

        def work(thread):
            for number in range(100):
                journal.put(f"/{thread}.{number}", "1:1", ONE, True, b"")
                assert journal.find(f"/{thread}.{number}", "1:1", ONE)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(journal.find(f"/{thread}.{number}", "1:1", ONE) for thread in range(4) for number in range(100))


def test_after_close_it_takes_nothing(path):
    journal = Journal(path)
    journal.close()
    with pytest.raises(JournalError, match="cannot use the journal"):
        journal.put("a", "1:1", ONE, True, b"")


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("content", [b"genres of my music\n" * 100, "database"])
def test_what_is_no_journal_is_left_alone(path, content, fresh):
    if content == "database":
        with sqlite3.connect(path) as foreign:
            foreign.execute("CREATE TABLE files (mine)")
        foreign.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"is no journal.*move it away, or give another -o"):
        Journal(path, fresh=fresh)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_journal_of_another_version_is_not_misread(path):
    Journal(path).close()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(JournalError, match="another version of audiocnn; --no-resume begins anew"):
        Journal(path)
    with Journal(path, fresh=True) as journal:
        journal.put("a", "1:1", ONE, True, b"")


def test_an_empty_file_becomes_a_journal(path):
    path.touch()
    with Journal(path) as journal:
        journal.put("a", "1:1", ONE, True, b"")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(JournalError, match=r"cannot use the journal .*no/journal: unable to open"):
        Journal(tmp_path / "no" / "journal")


def test_the_record_of_other_settings_is_not_given(path):
    with Journal(path) as journal:
        journal.put("a.wav", "1:1", ONE, True, b"")
        for name, fingerprint in (("a.wav", TWO), ("b.wav", ONE)):
            with pytest.raises(JournalError, match=rf"has no record of {name}; run the same command again"):
                journal.record(name, fingerprint)


def test_it_lies_beside_what_out_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.csv").symlink_to("real/rows.csv")
    assert journal_of(tmp_path / "link.csv") == tmp_path / "real" / "rows.csv.journal"
    assert journal_of(tmp_path / "folder") == tmp_path / "folder.journal"


def test_an_inventory_keeps_order_and_each_file_once(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    locked = failed("locked", "unreadable_folder", "Permission denied")
    paths = [f"{number * 7919 % 2500}.wav" for number in range(2500)]
    inventory = Inventory([*paths, locked, "caf\udce9.wav", "./0.wav", str(tmp_path / "1.wav"), *paths])
    assert list(inventory) == [*paths, locked, "caf\udce9.wav"]
    assert list(inventory) == list(inventory)
    assert len(inventory) == 2502
    assert list(Inventory([])) == []


def test_each_file_comes_once_and_as_soon_as_it_is_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = iter(["a.wav", "./a.wav", "b.wav", str(tmp_path / "b.wav"), "not asked for"])
    files = once(found)
    assert [next(files), next(files)] == ["a.wav", "b.wav"]
    assert next(found) == str(tmp_path / "b.wav")
