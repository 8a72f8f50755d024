"""Lists of a published version for other people's programs, below ``lists/`` of its folder."""
