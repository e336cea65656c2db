"""Every check over Plans, or over a live network: `gx check`."""
