"""The kinds of objects, one file for each family; :data:`KINDS` names them all."""

from radcommons.apps.deid_benchmark.generator.kinds.captures import CAPTURES
from radcommons.apps.deid_benchmark.generator.kinds.derived import DERIVED
from radcommons.apps.deid_benchmark.generator.kinds.documents import DOCUMENTS
from radcommons.apps.deid_benchmark.generator.kinds.enhanced import ENHANCED
from radcommons.apps.deid_benchmark.generator.kinds.kind import Kind
from radcommons.apps.deid_benchmark.generator.kinds.projections import PROJECTIONS
from radcommons.apps.deid_benchmark.generator.kinds.scans import SCANS

KINDS: dict[str, Kind] = {**SCANS, **ENHANCED, **PROJECTIONS, **CAPTURES, **DERIVED, **DOCUMENTS}
