"""Emulators of provider plugins, for tests and the local cluster only."""
