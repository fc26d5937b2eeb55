"""The keyboard: the `burnish` command. Each command is a few lines over `runs`; nothing is decided here."""
