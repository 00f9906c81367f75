"""What race control says, worded as upstream words it; `{clock}` in a text becomes the local time of `Message.about`."""

from random import Random
from typing import Any

from mirror.simulator.timing import Message, Outing
from mirror.simulator.world import DRIVERS

SECTORS = 18  # marshal sectors of every circuit
PIT_EXIT_OPEN = "GREEN LIGHT - PIT EXIT OPEN"


def named(car: int) -> str:
    return f"CAR {car} ({DRIVERS[car].acronym})"


def track_flag(at: float, flag: str, *, text: str, **more: Any) -> Message:
    return Message(at, text, "Flag", flag, "Track", **more)


def sector_flag(at: float, flag: str, *, sector: int) -> Message:
    return Message(at, f"{flag} IN TRACK SECTOR {sector}", "Flag", flag, "Sector", sector)


def blue_flag(car: int, at: float) -> Message:
    return Message(at, f"WAVED BLUE FLAG FOR {named(car)} TIMED AT {{clock:%H:%M:%S}}", "Flag", "BLUE", "Driver", car=car)


def stopped(car: int, at: float, *, random: Random) -> list[Message]:
    """A car has stopped on track; the marshals push it away."""
    sector = random.randint(1, SECTORS)
    return [
        sector_flag(at + 4, "YELLOW", sector=sector),
        sector_flag(at + 9, "DOUBLE YELLOW", sector=sector),
        Message(at + 26, f"{named(car)} STOPPED AT TURN {sector * 4 // 5 + 1}", "CarEvent", car=car),
        sector_flag(at + random.uniform(100, 160), "CLEAR", sector=sector),
    ]


def small_things(outing: Outing, random: Random, *, count: int) -> list[Message]:
    """Track limits (never on a car's best lap, which stays in the result), cars off the road: what happens in every session."""
    best = {car: min((lap.duration for lap in laps if lap.duration), default=0) for car, laps in outing.laps.items()}
    laps = [
        (car, lap, lap.duration)
        for car, laps in outing.laps.items()
        for lap in laps
        if lap.duration and lap.duration > best[car] and lap.number > 1 and not lap.out and not lap.into_pits
    ]
    found = []
    for car, lap, time in random.sample(laps, min(count, len(laps))):
        turn = random.randint(1, 14)
        deleted = f"{named(car)} TIME {time // 60:.0f}:{time % 60:06.3f} DELETED - TRACK LIMITS AT TURN {turn} LAP {lap.number} "
        found += random.choice(
            (
                [Message(lap.end + 40, deleted + "{clock:%H:%M:%S}", about=lap.end)],
                [Message(lap.end - 20, f"{named(car)} OFF TRACK AND CONTINUED AT TURN {turn}", "CarEvent", car=car)],
                [sector_flag(lap.end - 25, "YELLOW", sector=turn), sector_flag(lap.end - 14, "CLEAR", sector=turn)],
            )
        )
    return found


def flag_taken(outing: Outing, at: float, *, phase: int | None = None) -> list[Message]:
    """The chequered flag, and who sees it first."""
    after = ((lap.end, car) for car, laps in outing.laps.items() for lap in laps if lap.end >= at and lap.duration)
    _, first = min(after, default=(at, next(iter(outing.laps))))
    return [
        track_flag(at, "CHEQUERED", text="CHEQUERED FLAG", phase=phase),
        Message(at + 5, f"FIRST CAR TO TAKE THE FLAG - {named(first)}"),
    ]


def of_practice(outing: Outing, name: str, *, random: Random) -> list[Message]:
    ordinal = {"Practice 1": "FIRST", "Practice 2": "SECOND"}.get(name, "THIRD")
    return [
        Message(-900, f"RISK OF RAIN FOR F1 {ordinal} PRACTICE SESSION IS {random.choice((0, 0, 10, 20))}%"),
        track_flag(0, "GREEN", text=PIT_EXIT_OPEN),
        *small_things(outing, random, count=5),
        *flag_taken(outing, outing.ended),
    ]


def of_qualifying(outing: Outing, name: str, *, phases: list[tuple[float, float]], random: Random) -> list[Message]:
    """One green light and one chequered flag per phase."""
    letter = "Q" if name == "Qualifying" else "SQ"
    messages = [Message(-900, f"RISK OF RAIN FOR F1 {name.upper()} SESSION IS {random.choice((0, 10, 20))}%")]
    for phase, (begin, closes) in enumerate(phases, start=1):
        messages.append(track_flag(begin, "GREEN", text=PIT_EXIT_OPEN, phase=phase))
        messages += flag_taken(outing, closes, phase=phase)
        if phase < len(phases):
            messages.append(Message(closes + 60, f"{letter}{phase + 1} WILL START AT {{clock:%H:%M}}", about=phases[phase][0]))
    return [*messages, *small_things(outing, random, count=5)]


def of_race(outing: Outing, random: Random) -> list[Message]:
    """All but the flags that were waved while the race was driven."""
    begin, end = outing.began, outing.ended
    rain = outing.sky.rain
    return [
        Message(-3200, "PINK HEAD PADDING MATERIAL MUST BE USED"),
        Message(-900, f"RISK OF RAIN FOR F1 RACE IS {60 if rain else random.choice((0, 0, 10, 20))}%"),
        track_flag(-2400, "GREEN", text=PIT_EXIT_OPEN),
        Message(-1800, "PIT EXIT CLOSED"),
        Message(begin - 2, "DRS DISABLED", "Drs"),
        track_flag(begin + 6, "GREEN", text=PIT_EXIT_OPEN),
        Message(begin + 95, "DRS ENABLED", "Drs"),
        *(safety_car(*outing.safety_car) if outing.safety_car else []),
        *(wet(*rain) if rain else []),
        *small_things(outing, random, count=6),
        track_flag(end, "CHEQUERED", text="CHEQUERED FLAG"),
    ]


def safety_car(begin: float, end: float) -> list[Message]:
    return [
        Message(begin, "SAFETY CAR DEPLOYED", "SafetyCar"),
        Message(begin, "DRS DISABLED", "Drs"),
        Message(begin + 70, "RECOVERY VEHICLE ON TRACK"),
        Message(end - 75, "SAFETY CAR IN THIS LAP", "SafetyCar"),
        track_flag(end, "CLEAR", text="TRACK CLEAR"),
        Message(end + 130, "DRS ENABLED", "Drs"),
    ]


def wet(begin: float, end: float) -> list[Message]:
    return [
        Message(begin + 50, "LOW GRIP CONDITIONS"),
        Message(begin + 80, "DRS DISABLED", "Drs"),
        *(Message(begin + 90 + 7 * n, f"TRACK SURFACE SLIPPERY IN TRACK SECTOR {n}") for n in (4, 9, 13)),
        Message(end + 780, "NORMAL GRIP CONDITIONS"),
        Message(end + 840, "DRS ENABLED", "Drs"),
    ]
