"""How a command ends, where it is neither 0 nor a finding."""

BAD_INPUT = 2
"""The input is wrong, a check found an error, or something could not be read."""
REFUSED = 3
"""Something must be settled first; nothing was written."""
