"""Keeps one-time secrets, which are part of an address, out of the logs."""

import logging
import re

SECRET = re.compile(r"(/setup/)[^/\s\"'?#]+")


class WithoutSecrets(logging.Filter):
    """Leaves out what follows ``/setup/``: with it anybody who reads the log could choose the account's password."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record on, without secrets."""
        message = record.getMessage()
        if SECRET.search(message):
            record.msg, record.args = SECRET.sub(r"\1…", message), ()
        return True
