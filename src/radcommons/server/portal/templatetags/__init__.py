"""Template tags of the layout, usable by the pages of every room with ``{% load portal %}``."""
