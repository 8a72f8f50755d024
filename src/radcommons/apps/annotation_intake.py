"""How finished annotations enter the archive: the intake's answer to annotation, which does not know it."""

from collections.abc import Sequence

from radcommons import __version__
from radcommons.server.annotation.object_intake import ObjectBatch, TakenIn
from radcommons.server.intake.services import Derivation, FirstLook, open_derivation, store_directly
from radcommons.server.platform.policy import Actor

_LARGEST_OBJECT_BYTES = 2**32


def take_in(batch: ObjectBatch, actor: Actor) -> Sequence[TakenIn]:
    """Take objects in as instances of the site whose images they are about.

    Raises
    ------
    NoValidAgreementError
        When the site's agreement ended.
    UnavailableError
        When the object store does not answer.
    """
    derivation = Derivation(batch.name, batch.observers, batch.words, is_coded=batch.is_coded)
    upload = open_derivation(batch.site_code, batch.project, derivation, actor=actor)
    look = FirstLook(upload)
    try:
        for data in batch.files:
            sink = look.new_file(maximum_bytes=_LARGEST_OBJECT_BYTES)
            sink.write(data)
            look.add(sink)
        results = store_directly(upload, look, software=f"RadCommons {__version__}")
    finally:
        look.close()
    return [TakenIn(one.is_accepted, tuple(sorted({each.code for each in one.findings}))) for one in results]
