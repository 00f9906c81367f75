"""Teams by name: the addresses of their pages."""

import re

from django.db.models import Exists, OuterRef

from drivers.models import Entry, Team
from mirror import versions
from races.slugs import free, slugify


def team_slug(name: str) -> str:
    """A team's name as people say it: "Haas F1 Team" -> "haas"."""
    return slugify(re.sub(r"\bF1( Team)?\b", "", name)) or slugify(name) or "team"


def add_teams(session_id: int) -> None:
    """Add the teams of a session's entries that are not known yet."""
    names = Entry.objects.filter(session_id=session_id).order_by()
    new = {name for name in names.values_list("team_name", flat=True).distinct() if name}
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
    """The team with a slug, or else the one that had it before, or whose name it follows from."""
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        teams = list(Team.objects.all())
        former = (team for team in teams if slug in team.former_slugs.split())
        found = next(former, None) or next((team for team in teams if slug in (team_slug(team.name), slugify(team.name))), None)
    return found


def remove_teams_without_cars() -> None:
    """Delete the teams that no entry has any more."""
    Team.objects.filter(~Exists(Entry.objects.filter(team_name=OuterRef("name")))).delete()
    versions.touch("teams", None)
