"""The admin pages of the sync, and what those of every app are made from."""

from f1site.openf1.admin.log import RejectAdmin, SyncPieceAdmin, SyncRunAdmin
from f1site.openf1.admin.pages import EmptyIsNull, LogAdmin, MirroredAdmin, RowAdmin, badge, dot, list_url, page_url

__all__ = [
    "EmptyIsNull", "LogAdmin", "MirroredAdmin", "RejectAdmin", "RowAdmin", "SyncPieceAdmin", "SyncRunAdmin",
    "badge", "dot", "list_url", "page_url",
]  # fmt: skip
