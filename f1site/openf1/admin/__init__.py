"""The admin pages of the sync, and what those of every app are made from."""

from f1site.openf1.admin.decisions import CorrectionAdmin
from f1site.openf1.admin.log import LeaseAdmin, PieceStateAdmin, RejectAdmin, SyncPieceAdmin, SyncRunAdmin, UpstreamPaceAdmin
from f1site.openf1.admin.pages import (
    EmptyIsNull,
    LogAdmin,
    MirroredAdmin,
    RowAdmin,
    RowForm,
    badge,
    dot,
    led_to,
    list_url,
    page_url,
)

__all__ = [
    "CorrectionAdmin", "EmptyIsNull", "LeaseAdmin", "LogAdmin", "MirroredAdmin", "PieceStateAdmin", "RejectAdmin",
    "RowAdmin", "RowForm", "SyncPieceAdmin", "SyncRunAdmin", "UpstreamPaceAdmin", "badge", "dot", "led_to", "list_url",
    "page_url",
]  # fmt: skip
