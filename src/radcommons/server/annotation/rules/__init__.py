"""Decisions of annotation: states, assignment, whether a read is complete, what needs a person. Pure."""
