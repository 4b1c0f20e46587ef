"""Ctrl-C between a row and its count would leave a file that does not agree with what was reported."""

import signal

import pytest
from click.testing import CliRunner

from audiocnn.cli.interrupt import Stops, uninterrupted
from audiocnn.cli.main import cli


def test_an_interrupt_waits_for_the_end_of_the_block(ctrl_c):
    done = []

    def write_a_row():
        with uninterrupted():
            ctrl_c()
            done.extend(["row", "count"])

    with pytest.raises(KeyboardInterrupt):
        write_a_row()
    assert done == ["row", "count"]


def test_an_interrupt_before_or_after_is_not_held(ctrl_c):
    with uninterrupted():
        pass
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()


def test_an_error_in_the_block_is_raised_and_the_handler_restored(ctrl_c):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(BrokenPipeError), uninterrupted():
        raise BrokenPipeError
    assert signal.getsignal(signal.SIGINT) is before


def test_a_library_that_makes_another_error_of_an_interrupt_does_not_hide_it(ctrl_c, monkeypatch):
    def load(_):
        try:
            ctrl_c()
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setattr("audiocnn.cli.classify.run", load)
    result = CliRunner().invoke(cli, ["classify", "a.wav"])
    assert (result.exit_code, result.output) == (130, "")


def test_what_the_process_is_to_ignore_is_ignored(ctrl_c):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Stops() as stops:
        ctrl_c()
    assert stops.number is None
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.fixture
def ctrl_c():
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, previous)
