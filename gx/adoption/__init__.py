"""Taking over a network that was made by hand: `gx adopt`, `gx prune`, what is live beside what is planned."""
