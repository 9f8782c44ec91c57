"""Pictures: curves, confusion matrices, mistakes, animations. matplotlib is loaded at first use."""
