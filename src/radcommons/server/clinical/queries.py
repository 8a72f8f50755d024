"""What other rooms ask about subjects."""

from collections.abc import Iterable

from radcommons.server.clinical.models import SubjectRecord
from radcommons.server.clinical.rules import Covid19Status


def covid19_statuses(subject_pks: Iterable[int]) -> dict[int, Covid19Status]:
    """What sites state about several subjects, by the subject's primary key; without those nobody spoke of."""
    rows = SubjectRecord.objects.filter(subject_id__in=list(subject_pks))
    return {pk: Covid19Status(status) for pk, status in rows.values_list("subject_id", "covid19_status")}
