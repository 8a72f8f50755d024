"""Software with which a society, a university or a group of hospitals runs an open imaging repository."""

__version__ = "0.1.0"
