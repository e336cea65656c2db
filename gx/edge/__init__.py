"""The way in: `gx edge`, `gx dns`."""
