"""Tags that move: the same manifest would run a different image tomorrow."""

MUTABLE_TAGS = frozenset({"latest", "main", "master", "stable", "edge", "nightly", "dev", "develop", "mainnet"})
