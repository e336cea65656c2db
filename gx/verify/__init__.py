"""Proof after a deployment: what users, browsers and other teams reach, asked from outside and from inside."""
