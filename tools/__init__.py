"""Pinned programs and stand-ins that development and tests need."""
