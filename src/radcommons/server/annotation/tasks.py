"""Jobs of annotation: compare reads, compute agreement, write what is published, look at what was sent and take it in."""

from django.db import close_old_connections

from radcommons.server.annotation import queue
from radcommons.server.annotation.services import agreeing, publishing, settling, uploading
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


@app.task(name=queue.WORK_ON_UPLOAD, queue="default", retry=RETRY)
def work_on_upload(upload_id: int) -> None:
    """Look at an upload, or take it in; safe to run twice."""
    close_old_connections()
    try:
        uploading.work_on(upload_id)
    finally:
        close_old_connections()
