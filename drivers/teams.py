"""Teams by name: the addresses of their pages."""

import re

from drivers.models import Entry, Team
from mirror import versions
from races.slugs import free, slugify


def team_slug(name: str) -> str:
    """A team's name as people say it: "Haas F1 Team" -> "haas"."""
    return slugify(re.sub(r"\bF1( Team)?\b", "", name)) or slugify(name) or "team"


def add_teams(session_id: int) -> None:
    """Add the teams of a session's entries that are not known yet."""
    names = Entry.objects.filter(session_id=session_id).exclude(team_name=None).exclude(team_name="").order_by()
    new = set(names.values_list("team_name", flat=True).distinct())
    new -= set(Team.objects.filter(name__in=new).values_list("name", flat=True))
    if not new:
        return
    taken = taken_slugs()
    for name in sorted(new):
        slug = free(team_slug(name)[:90], taken)
        taken.add(slug)
        Team.objects.get_or_create(name=name, defaults={"slug": slug})
    versions.touch("teams", None)


def taken_slugs() -> set[str]:
    """The present and the former slugs of all teams."""
    return {each for slug, former in Team.objects.values_list("slug", "former_slugs") for each in (slug, *former.split())}


def find_team(slug: str) -> Team | None:
    """The team with a slug, or else the one that had it before."""
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        candidates = Team.objects.filter(former_slugs__contains=slug)
        found = next((team for team in candidates if slug in team.former_slugs.split()), None)
    return found
