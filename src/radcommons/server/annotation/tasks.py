"""Jobs of annotation: compare the reads of a case; compute a project's agreement; write what is published of a case."""

from django.db import close_old_connections

from radcommons.server.annotation import queue
from radcommons.server.annotation.services import agreeing, publishing, settling
from radcommons.server.platform.jobs import RETRY, app
from radcommons.server.platform.policy import Actor

PUBLISHER = Actor.system("annotation")


@app.task(name=queue.SETTLE_CASE, queue="default", retry=RETRY)
def settle_case(case_id: int) -> None:
    """Compare the reads of a case; safe to run twice."""
    close_old_connections()
    try:
        settling.settle_case(case_id)
    finally:
        close_old_connections()


@app.task(name=queue.COMPUTE_AGREEMENT, queue="default", retry=RETRY)
def compute_agreement(project_id: int) -> None:
    """Compute a project's agreement; safe to run twice."""
    close_old_connections()
    try:
        agreeing.compute_agreement(project_id)
    finally:
        close_old_connections()


@app.task(name=queue.PUBLISH_CASE, queue="default", retry=RETRY)
def publish_case(publication_id: int, case_id: int) -> None:
    """Write the objects of a case; safe to run twice."""
    close_old_connections()
    try:
        publishing.publish_case(publication_id, case_id, actor=PUBLISHER)
    finally:
        close_old_connections()
