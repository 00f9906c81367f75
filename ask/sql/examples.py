"""Questions that fans ask, in SQL: shown beside the form, answered on recorded data by the tests."""

from typing import NamedTuple


class Example(NamedTuple):
    question: str
    sql: str


EXAMPLES = (
    Example(
        "How fast was each team's quickest trip through the pit lane in Bahrain 2024?",
        """
SELECT team_name, min(pit_duration) AS seconds, any_value(team_colour) AS team_colour
FROM pit JOIN drivers USING (session_key, driver_number) JOIN sessions USING (session_key)
WHERE year = 2024 AND location = 'Sakhir' AND session_name = 'Race'
GROUP BY team_name ORDER BY seconds
""",
    ),
    Example(
        "Which undercuts worked in Bahrain 2024?",
        """
WITH race AS (SELECT session_key FROM sessions WHERE year = 2024 AND location = 'Sakhir' AND session_name = 'Race'),
places AS (SELECT driver_number, lap_number, rank() OVER (PARTITION BY lap_number ORDER BY date_start) AS place
  FROM laps JOIN race USING (session_key) WHERE date_start IS NOT NULL),
stops AS (SELECT driver_number, lap_number FROM pit JOIN race USING (session_key))
SELECT w.name_acronym AS winner, l.name_acronym AS loser, a.lap_number AS stopped, b.lap_number AS answered
FROM stops a JOIN stops b ON b.driver_number <> a.driver_number AND b.lap_number - a.lap_number BETWEEN 1 AND 4
JOIN places a1 ON a1.driver_number = a.driver_number AND a1.lap_number = a.lap_number
JOIN places b1 ON b1.driver_number = b.driver_number AND b1.lap_number = a.lap_number
JOIN places a2 ON a2.driver_number = a.driver_number AND a2.lap_number = b.lap_number + 2
JOIN places b2 ON b2.driver_number = b.driver_number AND b2.lap_number = b.lap_number + 2
JOIN drivers w ON w.driver_number = a.driver_number AND w.session_key = (SELECT session_key FROM race)
JOIN drivers l ON l.driver_number = b.driver_number AND l.session_key = (SELECT session_key FROM race)
WHERE a1.place - b1.place BETWEEN 1 AND 3 AND a2.place < b2.place
ORDER BY stopped, winner, loser
""",
    ),
    Example(
        "Who gained most places from grid to flag in 2024?",
        """
SELECT name_acronym || ', ' || s.circuit_short_name AS drive, g.position AS grid, r.position AS finish, grid - finish AS gained
FROM session_result r JOIN sessions s USING (session_key) JOIN drivers d USING (session_key, driver_number)
JOIN sessions q ON q.meeting_key = s.meeting_key AND q.session_name = 'Qualifying'
JOIN starting_grid g ON g.session_key = q.session_key AND g.driver_number = r.driver_number
WHERE s.year = 2024 AND s.session_name = 'Race' AND r.position IS NOT NULL
ORDER BY gained DESC, drive LIMIT 10
""",
    ),
    Example(
        "Which races had the most overtakes?",
        """
SELECT s.year || ' ' || s.circuit_short_name AS race, count(*) AS overtakes
FROM overtakes JOIN sessions s USING (session_key)
WHERE s.session_name = 'Race' AND s.year >= 2023
GROUP BY race ORDER BY overtakes DESC, race LIMIT 12
""",
    ),
    Example(
        "Who won how many races in 2023?",
        """
SELECT d.full_name, count(*) AS wins
FROM session_result r JOIN sessions s USING (session_key) JOIN drivers d USING (session_key, driver_number)
WHERE s.year = 2023 AND s.session_name = 'Race' AND r.position = 1
GROUP BY d.full_name ORDER BY wins DESC, d.full_name
""",
    ),
    Example(
        "How many points did each team score in the races and sprints of 2024?",
        """
SELECT d.team_name, sum(r.points) AS points, any_value(d.team_colour) AS team_colour
FROM session_result r JOIN sessions s USING (session_key) JOIN drivers d USING (session_key, driver_number)
WHERE s.year = 2024 AND s.session_name IN ('Race', 'Sprint')
GROUP BY d.team_name ORDER BY points DESC, d.team_name
""",
    ),
    Example(
        "Who drove the fastest lap of each race of 2024?",
        """
SELECT s.circuit_short_name AS circuit, arg_min(d.name_acronym, l.lap_duration) AS driver, min(l.lap_duration) AS seconds,
  arg_min(l.lap_number, l.lap_duration) AS lap
FROM laps l JOIN sessions s USING (session_key) JOIN drivers d USING (session_key, driver_number)
WHERE s.year = 2024 AND s.session_name = 'Race' AND l.lap_duration > 0
GROUP BY s.session_key, circuit ORDER BY min(s.date_start)
""",
    ),
    Example(
        "How fast was each car through the speed trap in Bahrain 2024?",
        """
SELECT name_acronym, max(st_speed) AS kmh, any_value(team_colour) AS team_colour
FROM laps JOIN drivers USING (session_key, driver_number)
WHERE session_key = 9472 GROUP BY name_acronym ORDER BY kmh DESC, name_acronym
""",
    ),
    Example(
        "What was the longest stint on each compound in the races of 2024?",
        """
SELECT compound, max(lap_end - lap_start + 1) AS laps, arg_max(name_acronym, lap_end - lap_start) AS driver,
  arg_max(circuit_short_name, lap_end - lap_start) AS circuit
FROM stints JOIN sessions USING (session_key) JOIN drivers USING (session_key, driver_number)
WHERE year = 2024 AND session_name = 'Race' AND compound IN ('SOFT', 'MEDIUM', 'HARD') AND lap_end >= lap_start
GROUP BY compound ORDER BY laps DESC
""",
    ),
    Example(
        "How did lap times change with the age of the tyres in Bahrain 2024?",
        """
SELECT lap_number - lap_start + tyre_age_at_start AS tyre_age, median(lap_duration) AS seconds, compound
FROM laps JOIN stints USING (session_key, driver_number)
WHERE session_key = 9472 AND lap_number BETWEEN lap_start AND lap_end AND NOT is_pit_out_lap AND lap_number > 1
GROUP BY tyre_age, compound HAVING count(*) >= 5 ORDER BY compound, tyre_age
""",
    ),
    Example(
        "How far apart were team-mates on the grids of 2024?",
        """
SELECT d.team_name, round(median(gap), 3) AS seconds, count(*) AS races, any_value(team_colour) AS team_colour
FROM (SELECT session_key, team_name, max(lap_duration) - min(lap_duration) AS gap, any_value(team_colour) AS team_colour
  FROM starting_grid JOIN drivers USING (session_key, driver_number) JOIN sessions USING (session_key)
  WHERE year = 2024 AND session_name = 'Qualifying' AND lap_duration > 0
  GROUP BY session_key, team_name HAVING count(*) = 2) d
GROUP BY d.team_name ORDER BY seconds
""",
    ),
    Example(
        "Which teams retired most often in 2023?",
        """
SELECT d.team_name, count(*) FILTER (r.dnf) AS retirements, count(*) AS starts
FROM session_result r JOIN sessions s USING (session_key) JOIN drivers d USING (session_key, driver_number)
WHERE s.year = 2023 AND s.session_name = 'Race' AND NOT r.dns
GROUP BY d.team_name ORDER BY retirements DESC, d.team_name
""",
    ),
    Example(
        "How far ahead of his team-mate was Verstappen, lap by lap, in Bahrain 2024?",
        """
SELECT a.lap_number AS lap, round(epoch(b.date_start) - epoch(a.date_start), 1) AS seconds
FROM laps a JOIN laps b USING (session_key, lap_number)
WHERE session_key = 9472 AND a.driver_number = 1 AND b.driver_number = 11 AND lap > 1
ORDER BY lap
""",
    ),
    Example(
        "In which races of 2023 did it rain?",
        """
SELECT s.circuit_short_name AS circuit, round(100 * avg((w.rainfall > 0)::INTEGER)) AS percent_of_the_time
FROM weather w JOIN sessions s USING (session_key)
WHERE s.year = 2023 AND s.session_name = 'Race'
GROUP BY s.session_key, circuit HAVING max(w.rainfall) > 0 ORDER BY percent_of_the_time DESC
""",
    ),
    Example(
        "Where was the track hottest in 2024?",
        """
SELECT s.circuit_short_name AS circuit, max(w.track_temperature) AS celsius
FROM weather w JOIN sessions s USING (session_key)
WHERE s.year = 2024 AND s.session_name = 'Race'
GROUP BY s.session_key, circuit ORDER BY celsius DESC LIMIT 5
""",
    ),
    Example(
        "How often was the safety car deployed in each race of 2023?",
        """
SELECT s.circuit_short_name AS circuit, count(*) AS deployments
FROM race_control c JOIN sessions s USING (session_key)
WHERE s.year = 2023 AND s.session_name = 'Race' AND c.message = 'SAFETY CAR DEPLOYED'
GROUP BY s.session_key, circuit ORDER BY deployments DESC, circuit
""",
    ),
    Example(
        "Whose lap times were deleted most often in 2024?",
        """
SELECT d.full_name, count(*) AS deleted
FROM race_control c JOIN sessions s USING (session_key)
JOIN drivers d ON d.session_key = c.session_key AND d.driver_number = regexp_extract(c.message, 'CAR (\\d+)', 1)::INTEGER
WHERE s.year = 2024 AND c.message LIKE 'CAR %TIME % DELETED%'
GROUP BY d.full_name ORDER BY deleted DESC, d.full_name LIMIT 10
""",
    ),
    Example(
        "Who led how many laps in Monaco 2024?",
        """
SELECT name_acronym, count(*) AS laps_led
FROM (SELECT arg_min(driver_number, date_start) AS driver_number, session_key FROM laps
  WHERE session_key = 9523 AND lap_number > 1 GROUP BY session_key, lap_number)
JOIN drivers USING (session_key, driver_number)
GROUP BY name_acronym ORDER BY laps_led DESC
""",
    ),
    Example(
        "Who was how much of the race at full throttle in Bahrain 2024?",
        """
SELECT name_acronym, round(100 * avg((throttle >= 99)::INTEGER), 1) AS percent, any_value(team_colour) AS team_colour
FROM car_data JOIN drivers USING (session_key, driver_number)
WHERE session_key = 9472 AND date BETWEEN '2024-03-02 15:04:00Z' AND '2024-03-02 16:30:00Z'
GROUP BY name_acronym HAVING max(throttle) > 0 ORDER BY percent DESC
""",
    ),
    Example(
        "What was everybody's ideal lap in qualifying in Singapore 2023, and what did they lose to it?",
        """
SELECT name_acronym, min(lap_duration) AS best,
  round(min(duration_sector_1) + min(duration_sector_2) + min(duration_sector_3), 3) AS ideal, round(best - ideal, 3) AS lost
FROM laps JOIN drivers USING (session_key, driver_number)
WHERE session_key = 9161 AND NOT is_pit_out_lap
GROUP BY name_acronym HAVING best > 0 ORDER BY best
""",
    ),
)
