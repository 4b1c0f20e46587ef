"""Training, measuring and using the denoiser, a network from signal to signal: noise, examples, loss, recipe."""
