"""The intended differences of this API from OpenF1: the request, both answers, and the reason.

The documentation shows this table. The differential test compares both APIs and allows exactly these differences.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    request: str
    openf1: str
    here: str
    reason: str


DIFFERENCES = {
    "operator in the name": Difference(
        "`lap_duration%3E%3D=90`",
        "no rows: it looks for the text `=90`",
        "`lap_duration>=90`",
        "this is how requests, httpx and URLSearchParams send a parameter named `lap_duration>=`",
    ),
    "operator in a value": Difference(
        "`pit_duration=<=31`, `date=>2023-09-16`",
        "no rows: it looks for the text `<=31`",
        "`pit_duration<=31`; a text, such as `message=<A`, stays as it is",
        "programs that know only names and values send operators so",
    ),
    "list of numbers": Difference(
        "`driver_number=1,16`, `compound=HARD,MEDIUM`",
        "no rows: it looks for the text `1,16`",
        "`driver_number=1&driver_number=16`; also texts of closed sets: compounds, flags, scopes, categories, names of sessions",
        "programs send lists so, and none of these has a comma",
    ),
    "spelling": Difference(
        "`compound=hard`, `flag=Double_Yellow`",
        "no rows",
        "`compound=HARD`, `flag=DOUBLE YELLOW`",
        "texts of a closed set are stored in one spelling",
    ),
    "names of keys": Difference(
        "`session_id=latest`, `race_id=1229`",
        "no rows",
        "`session_key=latest`, `meeting_key=1229`",
        "they have these names in `/api/v1/`",
    ),
    "columns of other collections": Difference(
        "`laps?include=name_acronym,tyre_compound`",
        "no rows: there is no such field",
        "laps with these columns, as in `/api/v1/laps/`",
        "what everybody joins need not be joined",
    ),
    "text stays text": Difference(
        "`country_code=MON`, `name_acronym=SAT`, `first_name=April`",
        "no rows: it looks for a date",
        "rows with the text",
        "values are read by the type of their field",
    ),
    "unusable value": Difference(
        "`driver_number=VER`, `rainfall=false`, `lap_duration>=`, `speed=nan`",
        "no rows",
        "400, which names the value and lists the fields",
        "no row could match, so it is most likely a mistake",
    ),
    "one unusable value of several": Difference(
        "`driver_number=16&driver_number<=true`",
        "the rows of the usable value",
        "400, which names the other value",
        "the same: it is most likely a mistake",
    ),
    "truth as a number": Difference(
        "`is_pit_out_lap=1`",
        "no rows",
        "`is_pit_out_lap=true`",
        "values are read by the type of their field",
    ),
    "null": Difference(
        "`flag=null`",
        "no rows: it looks for the text `null`",
        "rows without a flag",
        "no other filter of OpenF1 selects missing values",
    ),
    "year or number as a date": Difference(
        "`date_start>=2023`, `date=20230910`",
        "no rows: it looks for a number",
        "1 January 2023, 10 September 2023",
        "values are read by the type of their field",
    ),
    "part of a date": Difference(
        "`date_start>=2023-03`, `date_start>=Sep`",
        "missing parts are those of today",
        "missing parts are the first possible: 1 March, 1 September",
        "an answer should not depend on the day of the request",
    ),
    "space in a date": Difference(
        "`date>2023-03-05 13:30`, `date>2023-03-05 13:30:00+02:00`",
        "no rows: the first space becomes a plus, the date a text",
        "the date as it is written; a space after the time is a plus",
        "both are ways to write a date",
    ),
    "numbers and texts of one field": Difference(
        "`gap_to_leader=1&gap_to_leader=%2B1%20LAP`",
        "an error",
        "rows with either value",
        "numbers and texts are compared separately",
    ),
    "unknown field": Difference(
        "`lap=7`, `lap_number!=2`",
        "no rows",
        "400, which names the field and lists those there are",
        "a misspelt name would otherwise look like missing data",
    ),
    "hidden field": Difference(
        "`_index=0`", "the rows, in the open-source server", "400", "the hosted service's rows do not have them"
    ),
    "operator in the value": Difference(
        "`message=A>=B`",
        "no rows: it takes the last operator",
        "it takes the first operator",
        "a value may contain any character",
    ),
    "any size": Difference(
        "`car_data?session_key=9472`, `position` without a filter",
        "422",
        "all rows, streamed",
        "the mirror limits neither requests nor answers",
    ),
    "unknown collection": Difference(
        "`/v1/nosuch`", "200 `[]`, or 404", "404, which lists the collections", "a misspelt name should be reported"
    ),
    "every field": Difference(
        "rows of old sessions and of qualifying",
        "lack fields that were added later, and `points`",
        "have every field; missing values are null",
        "all rows of a collection should have the same columns",
    ),
    "field that a row lacks": Difference(
        "`is_cancelled=false`",
        "no rows of sessions that lack the field",
        "all rows of sessions that were not cancelled",
        "all rows of a collection have the same columns",
    ),
    "rows of one key": Difference(
        "rows of `position` and `pit` with the key of another row",
        "the last one, in the open-source server; the hosted service sends all",
        "all",
        "they are the hosted service's rows",
    ),
    "rows of two sessions at one moment": Difference(
        "rows of `weather` and `position` whose moment a row of another session has too",
        "the last one, in the open-source server, whose keys do not name the session; the hosted service sends all",
        "all",
        "they are the hosted service's rows",
    ),
    "one row of each": Difference(
        "rows that upstream repeats",
        "each time",
        "once",
        "rows are unique by key",
    ),
    "order of samples": Difference(
        "`car_data`, `location` of several cars",
        "the order of arrival",
        "sorted by time, then by car number",
        "samples are stored by car",
    ),
    "offset of moments": Difference(
        "times of old sessions",
        "may lack `+00:00`",
        "always `+00:00`",
        "an explicit offset is unambiguous; all times are UTC",
    ),
}
