"""What runs, read as data: the API server, the fields of an object, what a change of one would do."""
