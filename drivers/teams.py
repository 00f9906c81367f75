"""Teams by name: the addresses of their pages."""

import re
from collections.abc import Callable, Collection, Mapping

from django.db.models import Exists, OuterRef

from drivers.models import Entry, Team
from mirror import versions
from races.slugs import free, slugify

# Teams that went on under another name, as OpenF1 has the names; a person can say otherwise in the admin.
LATER_NAMES = {"Alfa Romeo": "Kick Sauber", "Kick Sauber": "Audi", "AlphaTauri": "RB", "RB": "Racing Bulls"}


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
    link_renamed(new)
    versions.touch("teams", None)


def link_renamed(new: Collection[str]) -> None:
    """Name the successors of teams that are known to have been renamed, where one of the two names is new here."""
    for name, later in LATER_NAMES.items():
        if name in new or later in new:
            Team.objects.filter(name=name, successor=None).update(successor=Team.objects.filter(name=later).first())


def latest_names(successors: Mapping[str, str]) -> dict[str, str]:
    """{name: the last in its line of successors}; a line that leads back to where it began ends there."""
    latest = {}
    for name in successors:
        last, passed = name, {name}
        while (following := successors.get(last)) is not None and following not in passed:
            passed.add(following)
            last = following
        latest[name] = last
    return latest


def taken_slugs() -> set[str]:
    """The present and the former slugs of all teams."""
    return {each for slug, former in Team.objects.values_list("slug", "former_slugs") for each in (slug, *former.split())}


def find_team(slug: str) -> tuple[Team, list[str]] | None:
    """(the team that a slug means, under its latest name; its former names); one query.

    The slug is the present one of any of its names, or else a former one, or that which follows from a name.
    """
    teams = {team.name: team for team in Team.objects.select_related("successor")}
    known: list[Callable[[Team], Collection[str]]] = [
        lambda team: (team.slug,),
        lambda team: team.former_slugs.split(),
        lambda team: (team_slug(team.name), slugify(team.name)),
    ]
    found = next((team for slugs in known for team in teams.values() if slug in slugs(team)), None)
    if found is None:
        return None
    latest = latest_names({team.name: team.successor.name for team in teams.values() if team.successor})
    present = latest.get(found.name, found.name)
    return teams[present], sorted(name for name, last in latest.items() if last == present)


def remove_teams_without_cars() -> None:
    """Delete the teams that no entry has any more."""
    Team.objects.filter(~Exists(Entry.objects.filter(team_name=OuterRef("name")))).delete()
    versions.touch("teams", None)
