"""The trainings behind models/RESULTS.md: what is trained, on which seeds, what came out, and what it says."""
