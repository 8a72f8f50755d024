"""Profiles as they are loaded, by their name or file; apart from what looks into files with them, which is no work of the web process."""

from functools import lru_cache

from radcommons.deid.profile import Profile, load_profile


@lru_cache(maxsize=64)
def profile_at(name_or_path: str) -> Profile:
    """A profile, compiled once a process; those with a path are named by their content, so none ever changes."""
    return load_profile(name_or_path)
