"""Trained models at work: a `Backend` computes logits, the `Classifier` turns audio into a `Result`."""
