"""A new value of a secret: `gx rotate`."""
