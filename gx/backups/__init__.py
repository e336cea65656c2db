"""Snapshots of a network: `gx backups`, `gx restore`."""
