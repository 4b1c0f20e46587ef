"""What is freed stays with the process: measured where glibc keeps its blocks, in processes of their own."""

import ctypes
import json
import subprocess
import sys

import pytest

from tests.training.conftest import ROOT
from training.malloc import keep_memory

GLIBC = hasattr(ctypes.CDLL(None), "gnu_get_libc_version") if sys.platform.startswith("linux") else False
LARGEST = 64 << 20  # above what glibc may learn to keep by itself, 32 MiB

BLOCKS = """
import ctypes, json, sys, threading
from training.malloc import keep_memory

if sys.argv[1] == "kept":
    keep_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
libc.malloc.argtypes, libc.free.argtypes, libc.sbrk.argtypes = [ctypes.c_size_t], [ctypes.c_void_p], [ctypes.c_ssize_t]

def in_heap_and_kept(size):
    block, end = libc.malloc(size), libc.sbrk(0)
    libc.free(block)
    return block < end, libc.sbrk(0) == end

found = [*in_heap_and_kept(int(sys.argv[2]))]
thread = threading.Thread(target=lambda: found.append(in_heap_and_kept(1 << 16)[0]))
thread.start()
thread.join()
print(json.dumps(found))
"""


def python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


@pytest.mark.skipif(not GLIBC, reason="not glibc, whose settings these are")
class TestGlibc:
    def test_large_blocks_and_those_of_threads_are_from_one_heap_that_never_shrinks(self) -> None:
        assert json.loads(python(BLOCKS, "kept", str(LARGEST))) == [True, True, True]

    def test_by_itself_glibc_maps_each_anew(self) -> None:
        """So the test above can fail."""
        large, _, of_thread = json.loads(python(BLOCKS, "as it is", str(LARGEST)))
        assert (large, of_thread) == (False, False)


def test_training_sets_it_before_torch_is_there() -> None:
    told = "import sys, training.malloc as m; m.keep_memory = lambda: print('torch' in sys.modules)"
    assert python(f"{told}; import training.__main__; print('torch' in sys.modules)").split() == ["False", "True"]


@pytest.mark.parametrize("library", [OSError("no libc.so.6"), object()], ids=["none", "another"])
def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    def load(name: str) -> object:
        if isinstance(library, OSError):
            raise library
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    keep_memory()
