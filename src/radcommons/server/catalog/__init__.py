"""The catalog: cleared studies by what researchers ask for, and cohorts frozen from it."""
