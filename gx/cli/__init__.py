"""The command line: entry, options, exit codes."""
