"""The file of a replay: a header in JSON, and the places of all cars, made once per version of a race's rows and kept.

`F1R2`, the length of the header in four bytes (little-endian), the header, then the places: for each axis, car and second the
change of the change since the second before, as a zigzag number of 16 bits, first all low bytes and then all high ones. In this
form a race of two hours takes about 160 KB when it is compressed.
"""

from typing import TYPE_CHECKING

import msgspec

from pages.cars import cars_of
from pages.chart import Car
from pages.replay.story import Story, story_of
from pages.replay.tables import replay_tables
from pages.replay.tracks import Line, Path, Tracks, location_tables, stored_line, tracks_of
from pages.rows import SessionRows, derived_once
from pages.stored_answers import stored_once, version_of
from pages.timing import Ends, field_crossings, started

if TYPE_CHECKING:
    import numpy as np

FORMAT = b"F1R2"
AFTER = 45.0  # seconds that are shown after the last car crossed the line
LONGEST = 4 * 3600  # seconds of a replay at most: rows with a wrong date must not make a file of years
FARTHEST = 8_000  # metres from the origin, so that every change fits into 16 bits


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay knows besides the places."""

    session_id: int
    start: float  # Unix time of second 0
    seconds: int
    basis: str  # where the places come from, see `Tracks`
    cars: list[Car]  # in finishing order; the places have the order of `on_track`
    on_track: list[int]
    until: dict[int, int]
    outline: Path
    story: Story


class Film(msgspec.Struct, frozen=True):
    """A replay as it is kept: its header, and the bytes of the places."""

    header: Header
    places: bytes

    def to_bytes(self) -> bytes:
        header = msgspec.json.encode(self.header)
        return b"".join([FORMAT, len(header).to_bytes(4, "little"), header, self.places])

    @classmethod
    def from_bytes(cls, content: bytes) -> "Film":
        length = int.from_bytes(content[4:8], "little")
        return cls(msgspec.json.decode(content[8 : 8 + length], type=Header), content[8 + length :])

    def places_at(self, second: int) -> dict[int, tuple[int, int]]:
        """{car: x and y in metres} of the cars that are shown at a second."""
        decoded = unpack(self.places, len(self.header.on_track), self.header.seconds)
        return {
            car: (int(decoded[0, row, second]), int(decoded[1, row, second]))
            for row, car in enumerate(self.header.on_track)
            if second <= self.header.until[car]
        }


def pack(tracks: Tracks) -> bytes:
    """The places as bytes, see the module."""
    import numpy as np

    places = np.rint(np.clip(np.stack([tracks.x, tracks.y]), -FARTHEST, FARTHEST)).astype(np.int32)
    changes = np.diff(np.diff(places, prepend=0), prepend=0)
    zigzag = ((changes << 1) ^ (changes >> 31)).astype("<u2")
    return np.moveaxis(zigzag[..., None].view(np.uint8), -1, 0).tobytes()


def unpack(content: bytes, cars: int, seconds: int) -> "np.ndarray":
    """The places of `pack`: axis, car, second."""
    import numpy as np

    low, high = np.frombuffer(content, np.uint8).reshape(2, 2, cars, seconds).astype(np.int32)
    zigzag = low | high << 8
    return np.cumsum(np.cumsum((zigzag >> 1) ^ -(zigzag & 1), axis=-1), axis=-1)


def make_film(rows: SessionRows, ends: Ends, line: Line | None = None) -> Film:
    """The replay of a race from its rows and what is stored besides: samples, places, overtakes."""
    start = started(rows, ends) or min(min(own.values()) for own in ends.values())
    last = max(max(own.values()) for own in ends.values())
    seconds = int(min(last + AFTER - start, LONGEST))
    tracks = tracks_of(rows, ends, location_tables(rows), start=start, seconds=seconds, line=line)
    besides = rows.more(replay_tables)
    header = Header(
        session_id=rows.session.pk,
        start=round(start, 3),
        seconds=seconds,
        basis=tracks.basis,
        cars=cars_of(rows),
        on_track=tracks.cars,
        until=tracks.until,
        outline=[(round(x, 1), round(y, 1)) for x, y in tracks.outline],
        story=story_of(
            rows,
            ends,
            sorted(besides["places"], key=lambda row: (row.date, row.driver_number, row.position)),
            sorted(besides["overtakes"], key=lambda row: row.date),
            start=start,
            seconds=seconds,
            until=tracks.until,
        ),
    )
    return Film(header, pack(tracks))


@derived_once
def film_of(rows: SessionRows) -> Film | None:
    """The replay of a race, as it is kept or made now; None where no lap tells when anything was."""
    if not any(field_crossings(rows).values()):
        return None
    if not rows.version:
        return make_film(rows, field_crossings(rows), stored_line(rows))
    line = stored_line(rows)
    version = version_of(FORMAT, rows.version, line and line.version)
    made = stored_once("replay", rows.session.pk, version, lambda: make_film(rows, field_crossings(rows), line).to_bytes())
    return Film.from_bytes(made)
