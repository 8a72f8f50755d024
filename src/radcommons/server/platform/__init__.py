"""What every room stands on: accounts, policy, audit, outbox, jobs, object storage, settings."""
