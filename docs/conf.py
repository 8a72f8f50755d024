# ruff: noqa: INP001 — a configuration, no module
"""Sphinx reads the same Markdown that people read on the web: ``sphinx-build docs docs/_build``."""

project = "RadCommons"
author = "The RadCommons maintainers"
extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
# Links to pages beside docs/ are for readers of the repository.
suppress_warnings = ["myst.xref_missing"]
html_theme = "alabaster"
