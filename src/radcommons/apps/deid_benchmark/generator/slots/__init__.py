"""Where identifiers are planted, one file for each sort of place."""
