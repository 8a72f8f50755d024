"""Speaking with a PACS as a client: what it has, and asking it to send (PS3.4 C.4.1, C.4.2, C.4.3)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from pydicom.dataset import Dataset
from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import StoragePresentationContexts
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from radcommons.dicom.errors import Kind, RadCommonsError
from radcommons.edge.fetch.wishes import Wish
from radcommons.edge.listen.identity import is_usable

_PENDING = frozenset({0xFF00, 0xFF01})
_SUCCESS, _WARNING = 0x0000, 0xB000
_MOST_STUDIES = 10_000
# As many as fit into an association beside the query itself (PS3.8 9.3.2.2: 128 presentation contexts).
GET_CLASSES = tuple(UID(str(each.abstract_syntax)) for each in StoragePresentationContexts[:120])
Keep = Callable[[bytes, str, str, str], int]


@dataclass(frozen=True, slots=True)
class Pacs:
    """Where the PACS is, what it is called, and as whom we call.

    Parameters
    ----------
    timeout_s
        The longest silence; between two instances of a study as well.
    """

    host: str
    port: int
    title: str
    own_title: str
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Sent:
    """How the PACS says a study went: instances sent, failed and sent with a warning, and its last status."""

    completed: int
    failed: int
    warned: int
    status: int

    @property
    def reason(self) -> str:
        """The status as a report shows it; empty when all went well."""
        return "" if self.status == _SUCCESS and not self.failed else f"status {self.status:04X}"


def unreachable() -> RadCommonsError:
    """The refusal when no association can be had."""
    message = (
        "The PACS does not answer, or does not let this machine associate. Check its address, its title, and that it knows "
        "ours; then run the same command again: it goes on where it stopped."
    )
    return RadCommonsError(Kind.UNAVAILABLE, "edge.pacs-unreachable", message)


def echo(pacs: Pacs) -> None:
    """Ask whether it is there (C-ECHO).

    Raises
    ------
    RadCommonsError
        ``edge.pacs-unreachable``.
    """
    entity = _entity(pacs)
    entity.add_requested_context(Verification)
    with _associated(entity, pacs) as association:
        if getattr(association.send_c_echo(), "Status", None) != _SUCCESS:
            raise unreachable()


def find_studies(pacs: Pacs, wish: Wish) -> list[tuple[str, int]]:
    """The studies that a line of the list names, each with its number of instances, -1 when the PACS does not say.

    Raises
    ------
    RadCommonsError
        ``edge.pacs-unreachable``, ``edge.find-failed``.
    """
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = ""
    query.AccessionNumber = wish.accession_number
    query.PatientID = wish.patient_id
    query.StudyDate = wish.study_date
    query.NumberOfStudyRelatedInstances = ""
    entity = _entity(pacs)
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    with _associated(entity, pacs) as association:
        rows = [row for row in _found(association, query) if _is_wished(row, wish)]
        studies: dict[str, int] = {}
        for row in rows:
            # A server that keeps a study under two patients tells of it twice.
            uid, count = str(row.get("StudyInstanceUID", "")), _count(row, "NumberOfStudyRelatedInstances")
            before = studies.get(uid, 0)
            studies[uid] = before + count if min(before, count) >= 0 else -1
        return [
            (uid, count if count >= 0 else _count_of_series(association, uid))
            for uid, count in studies.items()
            if is_usable(uid)
        ]


def _is_wished(row: Dataset, wish: Wish) -> bool:
    """Whether an answer is what was asked for: some servers ignore a key they do not know."""
    return all(
        not wanted or str(row.get(keyword, wanted)).strip() == wanted
        for keyword, wanted in (("AccessionNumber", wish.accession_number), ("PatientID", wish.patient_id))
    )


def _count_of_series(association: Association, study_instance_uid: str) -> int:
    query = Dataset()
    query.QueryRetrieveLevel = "SERIES"
    query.StudyInstanceUID, query.SeriesInstanceUID = study_instance_uid, ""
    query.NumberOfSeriesRelatedInstances = ""
    counts = [_count(row, "NumberOfSeriesRelatedInstances") for row in _found(association, query)]
    if counts and min(counts) >= 0:
        return sum(counts)
    query = Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID, query.SeriesInstanceUID, query.SOPInstanceUID = study_instance_uid, "", ""
    try:
        return sum(1 for _ in _found(association, query)) or -1
    except RadCommonsError:
        return -1


def _count(row: Dataset, keyword: str) -> int:
    text = str(row.get(keyword, "") or "").strip()
    return int(text) if text.isascii() and text.isdigit() else -1


def _found(association: Association, query: Dataset) -> Iterator[Dataset]:
    number = 0
    for status, identifier in association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind):
        code = getattr(status, "Status", None)
        if code in _PENDING and identifier is not None:
            number += 1
            if number > _MOST_STUDIES:
                raise _find_failed("The PACS answers with more than anybody can have meant.")
            yield identifier
        elif code != _SUCCESS:
            raise _find_failed("The PACS refused or broke off the query.")


def _find_failed(message: str) -> RadCommonsError:
    return RadCommonsError(Kind.UNAVAILABLE, "edge.find-failed", message)


def move_study(pacs: Pacs, study_instance_uid: str) -> Sent:
    """Have a study sent to our own listener (C-MOVE).

    Raises
    ------
    RadCommonsError
        ``edge.pacs-unreachable``.
    """
    entity = _entity(pacs)
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelMove)
    with _associated(entity, pacs) as association:
        answers = association.send_c_move(
            _study_query(study_instance_uid), pacs.own_title, StudyRootQueryRetrieveInformationModelMove
        )
        return _last_of(answers)


def get_study(pacs: Pacs, study_instance_uid: str, keep: Keep) -> Sent:
    """Have a study sent on our own association (C-GET).

    Parameters
    ----------
    keep
        Stores a data set as it came: its bytes, SOP class, SOP instance and transfer syntax; answers with a status.

    Raises
    ------
    RadCommonsError
        ``edge.pacs-unreachable``.
    """

    def stored(event: evt.Event) -> int:
        request = cast(C_STORE, event.request)
        return keep(
            event.encoded_dataset(include_meta=False),
            str(request.AffectedSOPClassUID),
            str(request.AffectedSOPInstanceUID),
            str(event.context.transfer_syntax),
        )

    entity = _entity(pacs)
    entity.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    for sop_class_uid in GET_CLASSES:
        entity.add_requested_context(sop_class_uid, list(AllTransferSyntaxes))
    roles = [build_role(each, scp_role=True) for each in GET_CLASSES]
    handlers = [(evt.EVT_C_STORE, stored)]
    with _associated(entity, pacs, ext_neg=roles, evt_handlers=handlers) as association:
        answers = association.send_c_get(_study_query(study_instance_uid), StudyRootQueryRetrieveInformationModelGet)
        return _last_of(answers)


def _study_query(study_instance_uid: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = study_instance_uid
    return query


def _last_of(answers: Iterator[tuple[Dataset, Dataset | None]]) -> Sent:
    completed = failed = warned = 0
    code = _WARNING
    for status, _ in answers:
        code = int(getattr(status, "Status", _WARNING))
        completed = int(getattr(status, "NumberOfCompletedSuboperations", completed) or 0)
        failed = int(getattr(status, "NumberOfFailedSuboperations", failed) or 0)
        warned = int(getattr(status, "NumberOfWarningSuboperations", warned) or 0)
    return Sent(completed, failed, warned, code)


def _entity(pacs: Pacs) -> AE:
    entity = AE(ae_title=pacs.own_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = pacs.timeout_s
    entity.connection_timeout = min(pacs.timeout_s, 15.0)
    entity.maximum_pdu_size = 1 << 18
    return entity


@contextmanager
def _associated(entity: AE, pacs: Pacs, **more: object) -> Iterator[Association]:
    association = entity.associate(pacs.host, pacs.port, ae_title=pacs.title, **more)  # type: ignore[arg-type]
    if not association.is_established:
        raise unreachable()
    try:
        yield association
    except (ValueError, RuntimeError) as error:
        # What pynetdicom says when a context was refused, or the association ended in the middle.
        raise unreachable() from error
    finally:
        if association.is_established:
            association.release()
