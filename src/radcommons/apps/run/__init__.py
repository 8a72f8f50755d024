"""The programs of a server: ``python -m radcommons.apps.run web HOST PORT``, ``… worker``, ``… prepare ADDRESS``."""
