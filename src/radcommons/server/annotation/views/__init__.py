"""Pages of annotation."""

from radcommons.server.annotation.views.reading import urlpatterns as reading

urlpatterns = [*reading]
