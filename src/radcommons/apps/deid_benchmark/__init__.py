"""The de-identification benchmark: plant identifiers in files of every kind, then count what a tool left behind."""
