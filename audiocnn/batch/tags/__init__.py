"""Genres in the tags of recordings: `containers` knows kinds of files, `write` changes one, `run` goes over many."""
