"""Where a feed's rows are kept: in the table of its model, or in files with one per session and car."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from django.db import models

from mirror import changes
from mirror.changes import Changes
from mirror.mapping import Mapping

if TYPE_CHECKING:
    import pyarrow as pa


class StorageUnavailable(ConnectionError):
    """The store that keeps the files cannot be reached or is out of order; what needs it may succeed later."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The storage of files cannot be reached; try again ({reason}).")


class DamagedFile(Exception):
    """A stored file is missing, cannot be read, or is not what was stored; the message names it and the way out."""

    def __init__(self, name: str, fault: str, *, remedy: str) -> None:
        super().__init__(f"The file {name} {fault}; {remedy}")
        self.name, self.fault = name, fault


class Storage(ABC):
    """Keeps the rows of one mapping. A scope is given in OpenF1's names: {"session_key": 9472}."""

    def __init__(self, mapping: Mapping):
        self.mapping = mapping

    @abstractmethod
    def apply(
        self, rows: list[dict], scope: dict[str, Any], *, source: str, prune: bool, write: bool, stored: int | None = None
    ) -> Changes:
        """Make what is stored of the scope equal to upstream's rows; see `changes.apply`."""

    @abstractmethod
    def counts(self, scopes: list[dict[str, Any]]) -> list[int]:
        """How many rows of each session, or of each car of a session, are stored, from any source."""


class RowStorage(Storage):
    """Keeps rows in the table of the mapping's model."""

    def apply(
        self, rows: list[dict], scope: dict[str, Any], *, source: str, prune: bool, write: bool, stored: int | None = None
    ) -> Changes:
        return changes.apply(self.mapping, rows, scope, source=source, prune=prune, write=write, stored=stored)

    def counts(self, scopes: list[dict[str, Any]]) -> list[int]:
        sessions = [scope["session_key"] for scope in scopes]
        rows = self.mapping.model._default_manager.filter(session_id__in=sessions).order_by()
        by_session = dict(rows.values_list("session_id").annotate(models.Count("pk")))
        return [by_session.get(session, 0) for session in sessions]


class FileStorage(Storage):
    """Keeps rows in files, one per session and car, each described by a row of the database. A piece is one car's file."""

    @abstractmethod
    def car_numbers(self, session_id: int) -> list[int]:
        """The car numbers to request in a session."""

    @abstractmethod
    def files(self) -> models.QuerySet:
        """The rows that describe the files: session, car, name, SHA-256, first and last moment."""

    @abstractmethod
    def read_columns(self, name: str, sha256: str, columns: list[str]) -> pa.Table:
        """The columns of the named file in order of time; DamagedFile unless the file has the SHA-256 that was stored."""

    @abstractmethod
    def verify(self, name: str, sha256: str) -> None:
        """DamagedFile unless the file has the SHA-256 that was stored."""

    @abstractmethod
    def discard(self, *, source: str) -> None:
        """Delete the files of rows from `source`, before the rows of the database are deleted."""
