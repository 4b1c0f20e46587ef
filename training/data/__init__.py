"""From a folder of labelled clips to batches: manifest, split, decoded cache, random crops."""
