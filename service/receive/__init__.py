"""The upload, from the socket to the bytes of a file, within limits."""
