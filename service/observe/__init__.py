"""What operators see: a line in the log for each request, and the metrics."""
