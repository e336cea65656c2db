"""Plain types and values that every part shares: names, labels, quantities, the Plan. Imports nothing of ours."""
