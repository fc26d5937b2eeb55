"""What is remembered: run folders, checkpoints, models by name, measurements of this machine. No torch."""
