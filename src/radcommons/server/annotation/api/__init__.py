"""The JSON API of annotation at ``/api/v1/annotation``, by who asks: readers, managers, adjudicators."""

from ninja import Router

from radcommons.server.annotation.api.adjudicating import router as adjudicating
from radcommons.server.annotation.api.examples import router as examples
from radcommons.server.annotation.api.exporting import router as exporting
from radcommons.server.annotation.api.managing import router as managing
from radcommons.server.annotation.api.reading import router as reading
from radcommons.server.annotation.api.results import router as results

router = Router()
router.add_router("", reading)
router.add_router("", managing)
router.add_router("", examples)
router.add_router("", adjudicating)
router.add_router("", results)
router.add_router("", exporting)
