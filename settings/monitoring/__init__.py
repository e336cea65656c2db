"""Alerts as typed data: what they watch, when they fire, and how urgent they are."""
