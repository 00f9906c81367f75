"""The admin pages of the sync, and what those of every app are made from."""

from mirror.admin.decisions import CorrectionAdmin
from mirror.admin.display import badge, dot, list_url, page_url
from mirror.admin.log import LeaseAdmin, PieceStateAdmin, RejectAdmin, SyncPieceAdmin, SyncRunAdmin, UpstreamPaceAdmin
from mirror.admin.pages import (
    KnownValuesFilter,
    LogAdmin,
    MirroredAdmin,
    RowAdmin,
    RowForm,
    RowInline,
    StoredValuesForm,
    ask_first,
    redirect_after_dialog,
)

__all__ = [
    "CorrectionAdmin",
    "KnownValuesFilter",
    "LeaseAdmin",
    "LogAdmin",
    "MirroredAdmin",
    "PieceStateAdmin",
    "RejectAdmin",
    "RowAdmin",
    "RowForm",
    "RowInline",
    "StoredValuesForm",
    "SyncPieceAdmin",
    "SyncRunAdmin",
    "UpstreamPaceAdmin",
    "ask_first",
    "badge",
    "dot",
    "list_url",
    "page_url",
    "redirect_after_dialog",
]
