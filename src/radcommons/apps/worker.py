"""The worker: does durable jobs and delivers facts until it is told to stop.

Both read the same PostgreSQL, so any number of workers may run on any number of machines; each job and each fact is
taken by one of them. A worker that dies loses nothing: its jobs go back to the queue, its facts stay undelivered.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from procrastinate.connector import BaseAsyncConnector
from procrastinate.contrib.django import app as jobs
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import ConnectorException

from radcommons.apps.failed_attempts import log_failed_attempt
from radcommons.server.intake import inspectors
from radcommons.server.journey.services import deliver_pending

logger = logging.getLogger(__name__)
JOB_CONCURRENCY = 2
FACTS_AT_ONCE = 50
FACT_PAUSE_S = 0.5
REQUEUE_PAUSE_S = 5.0
# A worker writes its heartbeat every 3 s; one that has been silent this long is dead and its jobs are given to others.
HEARTBEAT_S = 3.0
DEAD_AFTER_S = 12.0
STOP_WITHIN_S = 5.0


def run_until_idle() -> None:
    """Do all waiting jobs and deliver all facts, then return; for tests and one-off commands."""
    while True:
        asyncio.run(_drain_jobs())
        if deliver_pending(limit=FACTS_AT_ONCE) == 0:
            return


async def _drain_jobs() -> None:
    worker_app = jobs.with_connector(_connector())
    async with worker_app.open_async():
        await worker_app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, worker_middleware=[log_failed_attempt]
        )


def _connector() -> BaseAsyncConnector:
    """A connection of the worker's own, to the database that Django is configured with."""
    connector = jobs.connector
    if not isinstance(connector, DjangoConnector):
        raise TypeError("the jobs application was not made by Django")
    return connector.get_worker_connector()


async def work(stop: asyncio.Event) -> None:
    """Work until ``stop`` is set; running jobs are finished first.

    Raises
    ------
    procrastinate.exceptions.ConnectorException
        When the database goes away; the supervisor starts the worker again.
    """
    inspectors.get_ready()
    with jobs.replace_connector(_connector()):
        async with jobs.open_async():
            worker = asyncio.create_task(
                jobs.run_worker_async(
                    concurrency=JOB_CONCURRENCY,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=2.0,
                    update_heartbeat_interval=HEARTBEAT_S,
                    stalled_worker_timeout=DEAD_AFTER_S,
                    delete_jobs="successful",
                    worker_middleware=[log_failed_attempt],
                )
            )
            loops = [
                asyncio.create_task(_repeat(stop, FACT_PAUSE_S, _deliver)),
                asyncio.create_task(_repeat(stop, REQUEUE_PAUSE_S, _requeue_stalled)),
            ]
            await asyncio.wait([worker, *loops, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            worker.cancel()
            await asyncio.gather(worker, *loops, return_exceptions=True)
            if not worker.cancelled() and (error := worker.exception()):
                raise error


async def _repeat(stop: asyncio.Event, pause_s: float, body: Callable[[], Awaitable[int]]) -> None:
    """Run a body again and again; rest only when it found nothing to do."""
    while not stop.is_set():
        if await body() == 0:
            try:
                await asyncio.wait_for(stop.wait(), timeout=pause_s)
            except TimeoutError:
                continue


async def _deliver() -> int:
    return await sync_to_async(_deliver_once, thread_sensitive=False)()


def _deliver_once() -> int:
    close_old_connections()
    try:
        return deliver_pending(limit=FACTS_AT_ONCE)
    except DatabaseError as error:
        # The database is restarting, or a transaction lost a race: the facts are still there.
        logger.warning("facts could not be delivered (%s); trying again", type(error).__name__)
        return 0


async def _requeue_stalled() -> int:
    """Give the jobs of dead workers back to the queue."""
    manager = jobs.job_manager
    try:
        stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_S))
        for job in stalled:
            logger.warning("job %s of a dead worker goes back to the queue", job.id)
            await manager.retry_job(job)
    except ConnectorException as error:
        logger.warning("stalled jobs could not be read (%s); trying again", type(error).__name__)
    return 0


async def _main() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def leave() -> None:
        # A job in a thread cannot be interrupted; it is safe to run twice, so it may die with the process.
        threading.Timer(STOP_WITHIN_S, os._exit, [0]).start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    await work(stop)
    os._exit(0)


def main() -> None:
    """Run one worker process."""
    asyncio.run(_main())
