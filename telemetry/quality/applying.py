"""Apply proposed corrections: what the admin's button and REST call. Nothing else applies them."""

from collections.abc import Collection
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from mirror import editing
from mirror.feeds import Feed, feed_named
from mirror.mapping import field_by_attname
from mirror.values import from_json_value, to_json_value
from telemetry.models import SessionQuality
from telemetry.quality.report import check_sessions


class UnknownProposal(LookupError):
    """The session has no such proposal, or no longer."""


class DoesNotFit(ValueError):
    """A proposal no longer fits its row: the value that it replaces is another by now, or the row is gone."""


def proposals_of(quality: SessionQuality) -> dict[str, dict[str, Any]]:
    """{proposal_id: proposal} of a session's findings."""
    return {
        proposal["proposal_id"]: proposal
        for found in quality.findings
        if isinstance(found, dict)
        for proposal in found.get("proposals", [])
    }


@transaction.atomic
def apply_proposals(
    quality: SessionQuality, proposal_ids: Collection[str], *, user: Any, reason: str = ""
) -> list[tuple[Any, str]]:
    """Make proposals corrections, all or none, and check the session again; the edited (row, field) in the order given.

    UnknownProposal, DoesNotFit with a sentence, or PermissionDenied for a user who may not change such rows.
    """
    known = proposals_of(quality)
    for proposal_id in proposal_ids:
        if proposal_id not in known:
            raise UnknownProposal(f"Session {quality.session_id} has no proposal '{proposal_id}', or no longer.")
    edited = [apply_proposal(known[proposal_id], user=user, reason=reason) for proposal_id in proposal_ids]
    if edited:
        list(check_sessions([quality.session_id]))
    return edited


def apply_proposal(proposal: dict[str, Any], *, user: Any, reason: str) -> tuple[Any, str]:
    feed, name = feed_named(proposal["collection"]), proposal["field"]
    if not may_apply(user, proposal):
        raise PermissionDenied(f"You may not change rows of {proposal['collection']}.")
    row = find_for_update(feed, proposal["key"])
    which = f"{proposal['collection']} ({key_text(proposal)})"
    if row is None:
        raise DoesNotFit(f"The row of {which} is no longer stored. Check the session again.")
    stored = to_json_value(getattr(row, name))
    if stored != proposal["stored"]:
        raise DoesNotFit(
            f"{name} of {which} is {stored!r} by now; the proposal replaces {proposal['stored']!r}. Check the session again."
        )
    field = field_by_attname(feed.model, name)
    setattr(row, name, from_json_value(field, proposal["value"]))
    try:
        field.clean(getattr(row, name), row)
    except ValidationError as error:
        raise DoesNotFit(f"{name} of {which} cannot be {proposal['value']!r}: {' '.join(error.messages)}") from error
    editing.edit(row, user=user, reason=reason or proposal["why"], fields=[name])
    return row, name


def key_text(proposal: dict[str, Any]) -> str:
    """The key of a proposal's row within its session, in the order of the collection's key: a database may keep another order."""
    names = [name for name in feed_named(proposal["collection"]).key if name != "session_id"]
    return ", ".join(f"{name} {proposal['key'][name]}" for name in names)


def may_apply(user: Any, proposal: dict[str, Any]) -> bool:
    """Whether a user may change rows of the proposal's collection."""
    options = feed_named(proposal["collection"]).model._meta
    return user.has_perm(f"{options.app_label}.change_{options.model_name}")


def find_for_update(feed: Feed, key: dict[str, Any]) -> Any:
    """The stored row with this key, given in JSON's types, locked; None when there is none."""
    values = {name: from_json_value(field_by_attname(feed.model, name), value) for name, value in key.items()}
    return feed.model._default_manager.select_for_update(no_key=True).filter(**values).first()
