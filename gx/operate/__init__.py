"""Commands that look at, or work on, a live network."""
