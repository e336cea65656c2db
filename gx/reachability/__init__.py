"""Who reaches whom, planned and observed: `gx reach`."""
