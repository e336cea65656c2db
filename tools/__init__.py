"""Pinned programs and emulators that development and tests need."""
