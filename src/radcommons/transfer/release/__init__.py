"""The release as bytes: what the centre publishes and the researcher verifies, without server or network.

Both sides import this one definition, so that a copy checked years later is judged by the rules it was published under.
"""
