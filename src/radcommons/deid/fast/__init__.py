"""The short way for ordinary files: the header is walked in its bytes, and what was decided before is not decided again.

The rewriter decides here as on the long way; a decision is kept with the raw bytes it was made for, within a context that
holds everything else it depends on. ``docs/decisions`` tells what the last look covers here.
"""
