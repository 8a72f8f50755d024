"""What the home knows of the pixels of its sources: what a program saw in them, and what persons decided."""
