"""Decoders in processes of their own, which can be killed when a file makes them hang, crash or eat memory.

A thread that hangs inside a C library cannot be stopped; a process can. `DecoderPool` (in `pool`) keeps a few children
and gives each file to one of them. The file goes there as a descriptor, so nothing is copied; what a decoder yields
comes back message by message, so memory does not grow with the file.

    pool.py        which child takes which file
    stream.py      what a child says of one file, and what becomes of the file if the child dies
    process.py     one child as its parent sees it: start, deadlines, kill
    child.py       what runs in the child: its limits and its loop
    messages.py    how the two talk
"""
