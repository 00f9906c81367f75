"""Race weekends for tests."""

from races.models import Race, Session

HOURS = {"Practice 1": 10, "Sprint Qualifying": 11, "Sprint Shootout": 11, "Sprint": 12, "Qualifying": 14, "Race": 16}


def weekend(*names, race_id=1, year=2023):
    """A stored weekend with these sessions on one day, in the order of time; their IDs are race_id * 10, + 1, …"""
    race = Race.objects.create(race_id=race_id, race_name=f"Grand Prix {race_id}", year=year)
    return [
        Session.objects.create(
            session_id=race_id * 10 + n, race=race, session_name=name, year=year, date_start=f"{year}-03-05T{HOURS[name]}:00Z"
        )
        for n, name in enumerate(names)
    ]
