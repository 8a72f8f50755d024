"""The sealed batch between a hospital and a centre: manifest, digests, resumable sending."""
