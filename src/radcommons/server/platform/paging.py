"""Numbered pages of long tables."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet


# Django's paginator takes no type at run time.
class KeyPaginator(Paginator):  # type: ignore[type-arg]
    """A paginator that finds a page by its keys and then reads its rows: what lies before a far page is passed over, not read and joined.

    Parameters
    ----------
    rows
        An ordered queryset of models.
    per_page
        How many rows a page has.
    known_count
        How many rows there are, when somebody counted them already.
    """

    def __init__(self, rows: QuerySet[Any], per_page: int, *, known_count: int | None = None) -> None:
        super().__init__(rows, per_page)
        self._rows = rows
        if known_count is not None:
            self.count = known_count

    def page(self, number: int | str) -> Page[Any]:
        """A page, its rows read."""
        found: Page[Any] = super().page(number)
        keys = list(found.object_list.values_list("pk", flat=True))  # type: ignore[attr-defined]
        known = {row.pk: row for row in self._rows.order_by().filter(pk__in=keys)}
        found.object_list = [known[key] for key in keys if key in known]
        return found
