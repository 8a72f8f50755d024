"""Durable jobs on the same PostgreSQL: a job's argument is an id, its body one verb, and it is safe to run twice."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

__all__ = ["RETRY", "app"]

# Waits 2, 4, 8 … seconds: what fails for a passing reason (store, database) is over in minutes, the rest is a fault.
RETRY = RetryStrategy(max_attempts=8, exponential_wait=2)
