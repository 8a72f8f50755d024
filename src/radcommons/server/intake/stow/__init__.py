"""STOW-RS for a site's own uploads: stored only after the same second look as a sealed batch (PS3.18 10.5)."""
