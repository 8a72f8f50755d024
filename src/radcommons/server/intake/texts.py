"""Texts of files that are held back because they look suspicious: a curator must read what the question is about.

The file is parsed in a limited child process, never in the web process (DESIGN, invariant 6); the texts are shown and
never kept.
"""

from dataclasses import dataclass

from radcommons.dicom.isolation import LimitedPool, Named
from radcommons.server.intake import rules, staging
from radcommons.server.intake.models import QuarantinedInstance
from radcommons.server.intake.rules import TextsWanted
from radcommons.server.platform.settings import settings

# By its name: the web process needs nothing of what looks.
TEXTS: Named[TextsWanted, tuple[tuple[str, str], ...]] = Named("radcommons.server.intake.inspection", "texts_at")


@dataclass(frozen=True, slots=True)
class DoubtfulText:
    """One text with the attribute it stands in, ``(0008,103E)`` or a path of tags."""

    where: str
    value: str


def doubtful_texts(row: QuarantinedInstance) -> tuple[DoubtfulText, ...]:
    """What stands in the attributes of a file whose text looks suspicious; nothing when its bytes are gone."""
    wanted = tuple(each["where"] for each in row.findings if each["code"] == rules.SUSPICIOUS_TEXT)
    path = staging.path_of(row.part.batch.batch_id, row.part.sha256)
    if not wanted or not path.is_file():
        return ()
    limits = settings()
    with LimitedPool(TEXTS, memory_bytes=limits.worker_memory_bytes, timeout_s=limits.parse_timeout_s) as pool:
        _, found = next(iter(list(pool.run([TextsWanted(str(path), wanted)]))))
    return tuple(DoubtfulText(where, value) for where, value in found) if isinstance(found, tuple) else ()
