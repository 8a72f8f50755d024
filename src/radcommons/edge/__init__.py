"""The hospital's box: scan, select, de-identify, review, seal and send; identity never leaves it."""
