"""Search in lists of very many rows by what the rows belong to: their session, their driver.

Django writes one condition over all joined tables, for which a database reads every row. The sessions and drivers that match are
few, and the rows of their keys are found by index.
"""

from collections import defaultdict
from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.utils.text import smart_split, unescape_string_literal

MAX_NUMBER = 2**31 - 1  # what a column of numbers can hold


def search_condition(model: type[models.Model], fields: Iterable[str], text: str) -> Q:
    """Rows that have every word (or quoted phrase) of the text in one of the fields, named as in `search_fields`."""
    condition = Q()
    for word in smart_split(text):
        quoted = word[:1] in "\"'" and word[:1] == word[-1:] and len(word) > 1
        condition &= word_condition(model, fields, unescape_string_literal(word) if quoted else word)
    return condition


def word_condition(model: type[models.Model], fields: Iterable[str], word: str) -> Q:
    found = Q(pk__in=[])
    related: dict[models.ForeignKey, list[str]] = defaultdict(list)
    for path in fields:
        name, _, rest = path.partition("__")
        field = model._meta.get_field(name)
        if isinstance(field, models.ForeignKey):
            related[field].append(rest)
        elif rest != "exact":
            found |= Q(**{f"{name}__icontains": word})
        elif word.isascii() and word.isdecimal() and int(word) <= MAX_NUMBER:
            found |= Q(**{name: int(word)})
    for key, names in related.items():
        other: type[models.Model] = key.related_model  # type: ignore[assignment]
        pks = other._default_manager.filter(word_condition(other, names, word)).order_by().values_list("pk", flat=True)
        found |= Q(**{f"{key.attname}__in": list(pks)})
    return found
