"""A verified set of versions for the next network: `gx promote`, `gx pin`."""
