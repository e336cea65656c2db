"""Snapshots of the bucket: copied, proven, kept, restored. Runs inside the cluster and on an operator's machine.

The package is mounted into the backup's pods as it is, so it imports nothing but the standard library, boto3 and
prometheus_client. One run streams: its memory does not grow with the number of objects.
"""
