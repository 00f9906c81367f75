"""The intended differences of this API from OpenF1: the request, both answers, and the reason.

The documentation shows this table. The differential test compares both APIs and allows exactly these differences.
"""

from typing import NamedTuple


class Difference(NamedTuple):
    request: str
    openf1: str
    here: str
    why: str


DIFFERENCES = {
    "operator in the name": Difference(
        "`lap_duration%3E%3D=90`",
        "the text `=90` is looked for: nothing",
        "`lap_duration>=90`",
        "this is how requests, httpx and URLSearchParams send a parameter named `lap_duration>=`",
    ),
    "text stays text": Difference(
        "`country_code=MON`, `name_acronym=SAT`, `first_name=April`",
        "a date is looked for: nothing",
        "the text is looked for",
        "values are read by the type of their field",
    ),
    "unusable value": Difference(
        "`driver_number=VER`, `rainfall=false`, `lap_duration>=`, `speed=nan`",
        "nothing",
        "400, which names the value and lists the fields",
        "nothing could ever match; most likely it is a slip",
    ),
    "truth as a number": Difference(
        "`is_pit_out_lap=1`",
        "nothing",
        "`is_pit_out_lap=true`",
        "values are read by the type of their field",
    ),
    "null": Difference(
        "`flag=null`", "the text `null` is looked for: nothing", "rows without a flag", "there is no other way to ask"
    ),
    "year or number as a date": Difference(
        "`date_start>=2023`, `date=20230910`",
        "a number is looked for: nothing",
        "1 January 2023, 10 September 2023",
        "values are read by the type of their field",
    ),
    "part of a date": Difference(
        "`date_start>=2023-03`, `date_start>=Sep`",
        "what is missing is today's",
        "what is missing is the first: 1 March, 1 September",
        "an answer should not depend on the day it is asked for",
    ),
    "space in a date": Difference(
        "`date>2023-03-05 13:30`, `date>2023-03-05 13:30:00+02:00`",
        "the first space becomes a plus, the date a text: nothing",
        "the date as it is written; a space after the time is a plus",
        "both are ways to write a date",
    ),
    "numbers and texts of one field": Difference(
        "`gap_to_leader=1&gap_to_leader=%2B1%20LAP`",
        "an error",
        "either",
        "numbers and texts are paired apart",
    ),
    "unknown field": Difference(
        "`lap=7`, `lap_number!=2`",
        "nothing",
        "400, which names the field and lists those there are",
        "a mistyped name would otherwise look like missing data",
    ),
    "hidden field": Difference(
        "`_index=0`", "the rows, in the open-source server", "400", "the hosted service's rows do not have them"
    ),
    "operator in the value": Difference(
        "`message=A>=B`",
        "the last operator counts: nothing",
        "the first operator counts",
        "values may hold any character",
    ),
    "any size": Difference(
        "`car_data?session_key=9472`, `position` without a filter",
        "422",
        "all rows, streamed",
        "this is what a mirror is for",
    ),
    "unknown collection": Difference(
        "`/v1/nosuch`", "200 `[]`, or 404", "404, which lists the collections", "a slip should be told"
    ),
    "every field": Difference(
        "rows of old recordings, of qualifyings",
        "lack fields that were added later, and `points`",
        "have every field; what is missing is null",
        "columns should not depend on the row",
    ),
    "one row of each": Difference(
        "rows that upstream repeats",
        "each time",
        "once",
        "a row has a key",
    ),
    "order of samples": Difference(
        "`car_data`, `location` of several cars",
        "the order of arrival",
        "in order of time, at one moment by car number",
        "samples are kept car by car",
    ),
    "offset of moments": Difference(
        "moments of old recordings",
        "may lack `+00:00`",
        "always `+00:00`",
        "they are UTC, and should say so",
    ),
}
