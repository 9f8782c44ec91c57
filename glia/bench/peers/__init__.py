"""Worker scripts, one per library. Each is run by a Python that has that library, not imported."""
