"""The Plan: recording, reading and rendering what a run of the program would register."""
