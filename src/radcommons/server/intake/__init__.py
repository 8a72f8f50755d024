"""Where batches arrive: receiving, verifying, storing, quarantine."""
