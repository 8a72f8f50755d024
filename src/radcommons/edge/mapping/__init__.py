"""What a person at the hospital does with the crosswalk: look at it, take it out and in, forget, confirm, change the key.

Each verb notes in the home's own journal who did it and why, before anything leaves the home.
"""
