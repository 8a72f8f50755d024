"""The JSON API of annotation at ``/api/v1/annotation``, by who asks: readers, managers, adjudicators."""

from ninja import Router

from radcommons.server.annotation.api.managing import router as managing
from radcommons.server.annotation.api.reading import router as reading

router = Router()
router.add_router("", reading)
router.add_router("", managing)
