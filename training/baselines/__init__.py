"""The bars to clear: what simpler or better known methods reach on the same folds or split of a recipe."""
