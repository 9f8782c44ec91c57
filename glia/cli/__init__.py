"""The command line: it parses, calls the folders above, and prints in the user's language."""
