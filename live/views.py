"""The page of the session that is on track."""

from datetime import timedelta
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from live.frames import MAX_DELAY, board_at
from live.lines import (
    COLUMNS,
    FORECAST_COLUMNS,
    as_table,
    clock_text,
    draw_map,
    flag_text,
    forecast_lines,
    lines,
    sky_text,
    status,
    stop_text,
)
from live.models import LiveFrame, LiveState
from live.schedule import next_session
from pages.refusals import explained
from pages.state import BadState, State
from pages.views import FORMATS, as_csv, framing

OVER = timedelta(minutes=10)  # after its last frame a session is no longer shown as live


class LivePageState(State):
    """The parameters of the live page, which shows all cars as they are."""

    COMMON = ("format", "embed")


def delay_of(query: dict[str, str]) -> int:
    """`delay=30`: how many seconds ago the viewer's picture was."""
    value = query.get("delay", "") or "0"
    if not value.isascii() or not value.isdigit() or int(value) > MAX_DELAY:
        raise BadState(f"delay={value!r} is not a number of seconds from 0 to {MAX_DELAY}.")
    return int(value)


@require_safe
@explained
def live(request: HttpRequest) -> HttpResponse:
    """The session as it is now, or as it was `delay` seconds ago."""
    query = {key: request.GET[key] for key in request.GET}
    state = LivePageState(query, ("delay",))
    delay, form, embed = delay_of(query), state.choice("format", FORMATS, "html"), state.flag("embed")
    now = timezone.now()
    running = LiveFrame.objects.filter(at__gte=now - OVER).exists()
    board = board_at(now - timedelta(seconds=delay)) if running else None
    answer = answer_as(form, board, delay=delay, embed=embed)
    answer.headers["Cache-Control"] = "no-store"
    for name, value in framing(embed).items():
        answer.headers[name] = value
    answer.xframe_options_exempt = embed  # type: ignore[attr-defined]
    return answer


def answer_as(form: str, board: dict[str, Any] | None, *, delay: int, embed: bool) -> HttpResponse:
    if form == "json":
        return HttpResponse(msgspec.json.encode(board), content_type="application/json")
    if form == "csv":
        body = as_csv(as_table(board)) if board else b""
        headers = {"Content-Disposition": 'attachment; filename="live.csv"'}
        return HttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)
    context: dict[str, Any] = {"delay": delay, "max_delay": MAX_DELAY, "embed": embed, "board": board}
    if board:
        context |= {
            "columns": COLUMNS[board["session"]["kind"]],
            "lines": [(line, status(line.car)) for line in lines(board)],
            "forecast_columns": FORECAST_COLUMNS,
            "forecasts": forecast_lines(board),
            "stops": [stop_text(stop) for stop in (board.get("forecast") or {}).get("stops", [])],
            "clock": clock_text(board),
            "flag": flag_text(board["track"]),
            "map": draw_map(board),
            "sky": sky_text(board.get("weather")),
        }
    else:
        context |= {"next": next_session(timezone.now()), "state": LiveState.objects.first()}
    return HttpResponse(render_to_string("live/live.html", context))
