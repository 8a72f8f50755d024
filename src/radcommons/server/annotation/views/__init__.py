"""Pages of annotation."""

from radcommons.server.annotation.views.cases import urlpatterns as cases
from radcommons.server.annotation.views.consensus import urlpatterns as consensus
from radcommons.server.annotation.views.exporting import urlpatterns as exporting
from radcommons.server.annotation.views.managing import urlpatterns as managing
from radcommons.server.annotation.views.publishing import urlpatterns as publishing
from radcommons.server.annotation.views.reading import urlpatterns as reading
from radcommons.server.annotation.views.schemas import urlpatterns as schemas
from radcommons.server.annotation.views.uploading import urlpatterns as uploading
from radcommons.server.annotation.views.working import urlpatterns as working

urlpatterns = [*reading, *working, *managing, *cases, *consensus, *publishing, *exporting, *schemas, *uploading]
