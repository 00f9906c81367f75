"""Messages of race control in upstream's wording; `{clock}` in a text is replaced by the local time of `Message.about`."""

from random import Random
from typing import Any

from mirror.simulator.timing import Message, SimulatedSession
from mirror.simulator.world import DRIVERS

SECTORS = 18  # marshal sectors of every circuit
PIT_EXIT_OPEN = "GREEN LIGHT - PIT EXIT OPEN"


def car_label(car: int) -> str:
    return f"CAR {car} ({DRIVERS[car].acronym})"


def track_flag(at: float, flag: str, *, text: str, **fields: Any) -> Message:
    return Message(at, text, "Flag", flag, "Track", **fields)


def sector_flag(at: float, flag: str, *, sector: int) -> Message:
    return Message(at, f"{flag} IN TRACK SECTOR {sector}", "Flag", flag, "Sector", sector)


def blue_flag(car: int, at: float) -> Message:
    return Message(at, f"WAVED BLUE FLAG FOR {car_label(car)} TIMED AT {{clock:%H:%M:%S}}", "Flag", "BLUE", "Driver", car=car)


def stopped_car(car: int, at: float, *, random: Random) -> list[Message]:
    """The messages about a car that stops on track, until the track is clear."""
    sector = random.randint(1, SECTORS)
    return [
        sector_flag(at + 4, "YELLOW", sector=sector),
        sector_flag(at + 9, "DOUBLE YELLOW", sector=sector),
        Message(at + 26, f"{car_label(car)} STOPPED AT TURN {sector * 4 // 5 + 1}", "CarEvent", car=car),
        sector_flag(at + random.uniform(100, 160), "CLEAR", sector=sector),
    ]


def incidents(simulated: SimulatedSession, random: Random, *, count: int) -> list[Message]:
    """Random messages of any session: track limits (not on best laps, which count), cars off the track, yellow flags."""
    best = {car: min((lap.duration for lap in laps if lap.duration), default=0) for car, laps in simulated.laps.items()}
    laps = [
        (car, lap, lap.duration)
        for car, laps in simulated.laps.items()
        for lap in laps
        if lap.duration and lap.duration > best[car] and lap.number > 1 and not lap.out_lap and not lap.in_lap
    ]
    messages = []
    for car, lap, time in random.sample(laps, min(count, len(laps))):
        turn = random.randint(1, 14)
        deleted = (
            f"{car_label(car)} TIME {time // 60:.0f}:{time % 60:06.3f} DELETED - TRACK LIMITS AT TURN {turn} LAP {lap.number} "
        )
        messages += random.choice(
            (
                [Message(lap.end + 40, deleted + "{clock:%H:%M:%S}", about=lap.end)],
                [Message(lap.end - 20, f"{car_label(car)} OFF TRACK AND CONTINUED AT TURN {turn}", "CarEvent", car=car)],
                [sector_flag(lap.end - 25, "YELLOW", sector=turn), sector_flag(lap.end - 14, "CLEAR", sector=turn)],
            )
        )
    return messages


def chequered_flag(simulated: SimulatedSession, at: float, *, phase: int | None = None) -> list[Message]:
    """The chequered flag and the first car to take it."""
    finishers = ((lap.end, car) for car, laps in simulated.laps.items() for lap in laps if lap.end >= at and lap.duration)
    _, first = min(finishers, default=(at, next(iter(simulated.laps))))
    return [
        track_flag(at, "CHEQUERED", text="CHEQUERED FLAG", phase=phase),
        Message(at + 5, f"FIRST CAR TO TAKE THE FLAG - {car_label(first)}"),
    ]


def practice_messages(simulated: SimulatedSession, name: str, *, random: Random) -> list[Message]:
    ordinal = {"Practice 1": "FIRST", "Practice 2": "SECOND"}.get(name, "THIRD")
    return [
        Message(-900, f"RISK OF RAIN FOR F1 {ordinal} PRACTICE SESSION IS {random.choice((0, 0, 10, 20))}%"),
        track_flag(0, "GREEN", text=PIT_EXIT_OPEN),
        *incidents(simulated, random, count=5),
        *chequered_flag(simulated, simulated.ended_at),
    ]


def qualifying_messages(
    simulated: SimulatedSession, name: str, *, phases: list[tuple[float, float]], random: Random
) -> list[Message]:
    """One green light and one chequered flag per phase."""
    letter = "Q" if name == "Qualifying" else "SQ"
    messages = [Message(-900, f"RISK OF RAIN FOR F1 {name.upper()} SESSION IS {random.choice((0, 10, 20))}%")]
    for phase, (begin, closes) in enumerate(phases, start=1):
        messages.append(track_flag(begin, "GREEN", text=PIT_EXIT_OPEN, phase=phase))
        messages += chequered_flag(simulated, closes, phase=phase)
        if phase < len(phases):
            messages.append(Message(closes + 60, f"{letter}{phase + 1} WILL START AT {{clock:%H:%M}}", about=phases[phase][0]))
    return [*messages, *incidents(simulated, random, count=5)]


def race_messages(simulated: SimulatedSession, random: Random) -> list[Message]:
    """All messages of a race but the blue flags and retirements, which the race itself adds."""
    begin, end = simulated.started_at, simulated.ended_at
    rain = simulated.sky.rain
    return [
        Message(-3200, "PINK HEAD PADDING MATERIAL MUST BE USED"),
        Message(-900, f"RISK OF RAIN FOR F1 RACE IS {60 if rain else random.choice((0, 0, 10, 20))}%"),
        track_flag(-2400, "GREEN", text=PIT_EXIT_OPEN),
        Message(-1800, "PIT EXIT CLOSED"),
        Message(begin - 2, "DRS DISABLED", "Drs"),
        track_flag(begin + 6, "GREEN", text=PIT_EXIT_OPEN),
        Message(begin + 95, "DRS ENABLED", "Drs"),
        *(safety_car_messages(*simulated.safety_car) if simulated.safety_car else []),
        *(rain_messages(*rain) if rain else []),
        *incidents(simulated, random, count=6),
        track_flag(end, "CHEQUERED", text="CHEQUERED FLAG"),
    ]


def safety_car_messages(begin: float, end: float) -> list[Message]:
    return [
        Message(begin, "SAFETY CAR DEPLOYED", "SafetyCar"),
        Message(begin, "DRS DISABLED", "Drs"),
        Message(begin + 70, "RECOVERY VEHICLE ON TRACK"),
        Message(end - 75, "SAFETY CAR IN THIS LAP", "SafetyCar"),
        track_flag(end, "CLEAR", text="TRACK CLEAR"),
        Message(end + 130, "DRS ENABLED", "Drs"),
    ]


def rain_messages(begin: float, end: float) -> list[Message]:
    return [
        Message(begin + 50, "LOW GRIP CONDITIONS"),
        Message(begin + 80, "DRS DISABLED", "Drs"),
        *(Message(begin + 90 + 7 * n, f"TRACK SURFACE SLIPPERY IN TRACK SECTOR {n}") for n in (4, 9, 13)),
        Message(end + 780, "NORMAL GRIP CONDITIONS"),
        Message(end + 840, "DRS ENABLED", "Drs"),
    ]
