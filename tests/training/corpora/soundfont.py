"""The smallest soundfont that drums: a click on every key of the drum kit, so that rendering takes no time."""

import struct


def click_soundfont(sample_rate: int = 22_050) -> bytes:
    """An SF2 file (SoundFont 2.01) with one preset in the drum bank."""
    length = sample_rate // 100
    click = [round(30_000 * (1 - i / length) * (-1) ** (i // 4)) for i in range(length)]
    samples = struct.pack(f"<{length + 46}h", *click, *[0] * 46)  # the format wants 46 zeros behind each sample
    info = _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"isng", b"EMU8000\0") + _chunk(b"INAM", b"click\0\0\0")
    instrument, sample_id, one_shot = (41, 0), (53, 0), (54, 0)
    tables = {
        b"phdr": _preset(b"click", 128, 0) + _preset(b"EOP", 0, 1),
        b"pbag": struct.pack("<4H", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<4H", *instrument, 0, 0),
        b"inst": struct.pack("<20sH", b"click", 0) + struct.pack("<20sH", b"EOI", 1),
        b"ibag": struct.pack("<4H", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<6H", *one_shot, *sample_id, 0, 0),
        b"shdr": struct.pack("<20s5IBbHH", b"click", 0, length, 0, length - 1, sample_rate, 60, 0, 0, 1) + bytes(46),
    }
    body = _list(b"INFO", info) + _list(b"sdta", _chunk(b"smpl", samples))
    body += _list(b"pdta", b"".join(_chunk(name, content) for name, content in tables.items()))
    return _chunk(b"RIFF", b"sfbk" + body)


def _preset(name: bytes, bank: int, bag: int) -> bytes:
    return struct.pack("<20s3H3I", name, 0, bank, bag, 0, 0, 0)


def _list(name: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", name + content)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
