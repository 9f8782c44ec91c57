"""What a program does, told to people."""
