"""From bytes to model input, in NumPy: decode, resample, normalise, and `prepare`, which joins them."""
