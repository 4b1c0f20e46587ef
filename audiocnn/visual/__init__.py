"""Encoded pictures, videos and volumes in, model inputs out: `image`, `video` and `volume`. NumPy, Pillow and PyAV.

Each has `open_image`, `open_video` or `open_volume`, which gives a file that satisfies `audiocnn.prepared.Prepared`,
and `windows`, which turns what training caches into model inputs:

    file -> decode -> upright, grey or RGB -> fitted to the model's size -> [ what training caches ] -> windows
"""
