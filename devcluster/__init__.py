"""A control plane of one's own on one machine, and the real engine on it."""
