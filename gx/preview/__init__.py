"""Everything that the program would put on a network: `gx preview`."""
