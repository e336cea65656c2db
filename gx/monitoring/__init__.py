"""Alerts as typed data: what they watch, when they speak, and what a person does then."""
