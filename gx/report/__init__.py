"""The report: one page that shows a network to people who were not there when it was planned."""
