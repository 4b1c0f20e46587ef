"""Ctrl-C between a row and its count would leave a file that does not agree with what was reported."""

import signal

import pytest

from audiocnn.cli.interrupt import uninterrupted


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


@pytest.fixture
def ctrl_c():
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, previous)
