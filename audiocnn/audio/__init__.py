"""From bytes to model input, in NumPy: decode, resample, normalise, framing, and `prepare`, which joins them."""
