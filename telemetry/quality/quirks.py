"""Faults and oddities of OpenF1's rows that are known by name: each is looked for by a check, or made harmless on the way in."""

# What a check, or the table of what upstream never had, tells of a session. "9110/1" is car 1 in session 9110.
QUIRKS = {
    # The past changes
    "rewritten": "Sessions are sent again months later with other values: names filled in, stint bounds moved (9110/1).",
    "vanished": "Rows that were sent once are no longer sent.",
    "names-later": "Names and teams are null for a while in whole sessions.",
    "fields-come-and-go": "Fields appear (pit.lane_duration, race_control.qualifying_phase) and disappear (country_code).",
    "unlisted-session": "There are rows of sessions that no list of sessions has.",
    "session-without-rows": "A session is listed and has no rows.",
    # Laps
    "lap-1-missing": "Lap 1 is missing for the whole field.",
    "laps-missing": "Laps of a car, or all laps of a car, are missing (9149).",
    "laps-run-backwards": "Lap 2 began before lap 1 after a red flag on lap 1 (9496).",
    "giant-laps": "Laps during a red flag take half an hour (7787/1).",
    "restart-out-laps": "The lap a race is restarted on counts as an out-lap.",
    "lap-1-out-lap": "Lap 1 of a race counts as an out-lap for everybody (9531).",
    "no-lap-time": "Laps of retired cars and under red flags have no time.",
    "no-sector-time": "A sector has no time although the lap has one.",
    "sectors-and-lap": "Sectors add up to the lap within 1.5 ms; where they do not, one of the times is wrong.",
    "no-lap-start": "It is not known when lap 1 began (7787/11).",
    "no-speed": "The first intermediate speed is null on 16 % of laps, the speed trap on 8 %.",
    "slow-speeds": "Speeds below 60 km/h are real, behind a safety car.",
    "segments": "Mini-sectors are lists with null inside, or null as a whole.",
    "no-in-lap-flag": "Nothing marks an in-lap but the out-lap after it and the pit row.",
    # Stints
    "shared-lap": "A stint begins on the lap the one before ended on, which joins double.",
    "stint-bounds-null": "A stint has no bounds (7787/16).",
    "stint-reversed": "A stint ends before it begins (7787/77).",
    "stint-gap": "Stints leave laps between them, or overlap by more than one.",
    "stint-numbers": "Stints are not numbered from 1 without a gap.",
    "phantom-stint": "A stint begins after the last lap, with tyres that nobody drove.",
    "no-compound": "The compound is null, UNKNOWN or TEST_UNKNOWN.",
    "tyre-age": "The age of tyres is null, or beyond what tyres last.",
    # Pit stops
    "pit-since": "There are no pit rows before Spain 2023 (9095).",
    "pit-twice": "A car is twice in the pits on one lap, or the same row is sent twice (9223).",
    "no-pit-duration": "A quarter of pit rows has no duration, mostly on lap 1.",
    "garage-time": "Over 300 s in the pits is garage time or a red flag, not a stop.",
    "no-pit-lap": "A pit row has no lap number.",
    "stop-since": "The stationary time is there from Austin 2024 on.",
    # Drivers
    "number-is-no-person": "One number is used by several people, one person uses several numbers (30 and 40 are both Lawson).",
    "spellings": "The same person is spelt in two ways (Kimi and Andrea Kimi Antonelli); acronyms change (COL, FCO).",
    "no-portrait": "The country is null for everybody since 2025, the portrait for many.",
    "two-grids": "Two grids are mixed in one file, rows name two people at once (9223/1).",
    "no-team": "A driver has neither first nor last name nor team (9223).",
    "team-changes": "Drivers change teams, and teams their names.",
    "team-colours": "A team's colour changes its value and its letter case.",
    # Sessions, results, grid
    "session-order": "session_key is not chronological (China 2024 is 9673).",
    "sprint-is-race": "A sprint has the session_type of a grand prix.",
    "session-names": "Names of the same session differ: Sprint Shootout, Sprint Qualifying; tests are Practice 1-3 or Day 1-3.",
    "grid-of-qualifying": "The starting grid belongs to the qualifying session, not to the race.",
    "offset-is-text": "gmt_offset is a text that has to be read: 03:00:00, -04:00:00.",
    "places": "One circuit lies in two countries' names (Great Britain, United Kingdom).",
    "blanks": "Official names end in a blank.",
    "result-kinds": "Durations and gaps are numbers, texts or lists, depending on the session; positions are null.",
    "points": "Points are there in races and sprints only.",
    # Samples and feeds
    "no-data-samples": "Throttle or brake says 104: no data, 9 % of samples, mostly at a standstill.",
    "sample-codes": "Gears of 9 and more and DRS codes 11 and 13 occur.",
    "samples-twice": "A car has several samples of one moment.",
    "sample-gaps": "There are gaps of up to 89 s between a car's samples.",
    "no-position": "A car's position is 0, 0, 0 before it moves.",
    "places-twice": "A car has two places at one moment.",
    "messages-twice": "Race control's messages are sent twice.",
    "no-end": "Race control never says that a red flag, a safety car or a yellow flag is over.",
    "no-messages": "A session has laps and no messages of race control.",
    "deleted-laps": "Messages delete lap times that stay in the laps; a few name a time or a lap that is not there.",
    "messages-about-nobody": "Messages rarely say in a field which car, lap or sector they are about.",
}

# What no stored row shows any more, and what makes it harmless.
ABSORBED = {
    "no-utc-offset": "Moments without +00:00 in old recordings are read as UTC (Feed.build).",
    "no-fraction": "Moments without fractional seconds are read like all others (Feed.build).",
    "one-cancelled-race": "A race that upstream never listed has no rows that could be checked (Imola 2023).",
    "gap-texts": '"+1 LAP", null and 0 stay as they are sent; numbers are in a column of their own (number).',
    "rain-is-a-number": "Rain is stored as the 0 or 1 that is sent (Weather.rainfall).",
    "null-in-key": "A digest stands for fields that can be null (RaceControlFeed.derive).",
}
