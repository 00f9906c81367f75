"""`/f1/search/?q=` over HTTP: one clear hit redirects, several are listed, none says so."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from pages.answers import respond
from pages.finding import Names, find, load_names, suggestions
from pages.page_versions import collections_version
from pages.refusals import takes

HTML = "text/html; charset=utf-8"
LONGEST = 100  # characters of a question that are read
NAMING = ("meetings", "sessions", "drivers", "people", "teams")

kept: dict[object, Names] = {}  # the names of one version


@require_safe
@takes("q")
def page(request: HttpRequest) -> HttpResponse:
    """Where the words of a question lead."""
    question = request.GET.get("q", "")[:LONGEST].strip()
    version = collections_version(NAMING)
    names = names_of(version)
    hits = find(question, names) if question else []
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].url)
    context = {"search": question, "hits": hits, "suggestions": [] if hits else suggestions(question, names), "crumbs": []}
    return respond(request, version, lambda: (HTML, render_to_string("pages/search.html", context).encode()), headers={})


def names_of(version: object) -> Names:
    """All names that can be found, read once as long as they stay the same."""
    names = kept.get(version)
    if names is None:
        names = load_names()
        kept.clear()
        kept[version] = names
    return names
