"""Stand-ins for provider plugins, for tests and the local cluster only."""
