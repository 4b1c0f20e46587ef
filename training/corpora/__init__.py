"""Published corpora, and one of our own making, as folders of ordinary files with a `manifest.csv`.

A module for each corpus states its citation, licence, official split and known traps, and has one function that writes
the folder; `training/cli/corpus.py` puts them on the command line as `python -m training corpus NAME`. Nothing is
downloaded.
"""
