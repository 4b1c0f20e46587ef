"""`python -m training silence`: train the silence-detection filters and measure them against level thresholds."""
