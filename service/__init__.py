"""The HTTP service: one POST with a recording, one JSON answer with its tags.

    bytes -> body (limits, deadline) -> engine (queue, worker threads) -> Classifier -> Result -> JSON
                                              errors -> problem+json

No signal processing and no network here: those are the library's.
"""
