"""The demonstration: invented hospitals, and the main job run over them from end to end."""
