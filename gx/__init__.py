"""The command `gx`: it reads Plans, clusters and zones, and registers no resource."""
