"""All that is synced, in the order it is synced: parents first."""

from drivers.feeds import DriverFeed
from races.feeds import MeetingFeed, SessionFeed
from telemetry.feeds import LapFeed, StintFeed

FEEDS = [MeetingFeed(), SessionFeed(), DriverFeed(), StintFeed(), LapFeed()]
