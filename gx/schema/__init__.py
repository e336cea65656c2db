"""The editor's schema of the stack files: `gx schema`."""
