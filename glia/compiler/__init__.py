"""From expressions to native code, in named passes."""
