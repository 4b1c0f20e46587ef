"""What results are written as: one file for each format."""
