"""The researcher's box: download a release, verify it, keep a receipt to cite."""
