"""Releases: drafts, checks, immutable versions with manifest and metadata, tombstones, sequestration."""
