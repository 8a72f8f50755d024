"""Fetching from a PACS what a list names: C-FIND, then C-MOVE to a listener of our own or C-GET (PS3.4 C)."""
