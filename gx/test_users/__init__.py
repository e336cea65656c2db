"""Test users: `gx remove-test-users`."""
