"""Periodic work of the platform: the audit chain gets its signed checkpoint."""

from radcommons.server.platform import audit
from radcommons.server.platform.jobs import app


@app.periodic(cron="*/5 * * * *")
@app.task(name="platform.checkpoint_audit", queueing_lock="platform.checkpoint_audit")
def checkpoint_audit(timestamp: int) -> None:
    """Sign the end of the audit chain."""
    del timestamp
    audit.checkpoint()
