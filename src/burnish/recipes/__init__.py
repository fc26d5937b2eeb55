"""One file per training method: a frozen config and one train function."""
