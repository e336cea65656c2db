"""The only package that registers resources: one component per file."""
