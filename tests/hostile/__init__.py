"""Files made to break a decoder or the service behind it, each with the codes that a good answer may have.

    for file in hostile_sounds():        # a few dozen named ones
        ...
    for file in truncations():           # every format, cut after each of its bytes
        ...
    for file in damaged(count=1000):     # every format, with bytes overwritten
        ...

`expected` holds for a model of sound (or of the file's `medium`) under `LIMITS`.
"""

from tests.hostile.files import ANSWER, LIMITS, REFUSED, HostileFile
from tests.hostile.pictures import hostile_pictures
from tests.hostile.sounds import SNDFILE_HANG, damaged, hostile_sounds, truncations

__all__ = [
    "ANSWER",
    "LIMITS",
    "REFUSED",
    "SNDFILE_HANG",
    "HostileFile",
    "damaged",
    "hostile_pictures",
    "hostile_sounds",
    "truncations",
]
