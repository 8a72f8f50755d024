"""The centre: one Django project whose rooms are Django applications."""
