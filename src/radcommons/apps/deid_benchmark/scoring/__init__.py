"""Scoring the output of any tool against an answer key."""
