"""Speaks for each of the eleven workloads on a local network: their ports, probes, metrics and API contract.

It really uses PostgreSQL, Redis and MinIO with the credentials that the manifests give it, and fails as production did
where they are wrong (production.md#svc-messaging, 7, 14).
"""
