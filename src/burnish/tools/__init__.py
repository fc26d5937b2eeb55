"""What a model may call, and where what it writes is run."""
