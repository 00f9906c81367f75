"""The replay of a race: where each car was every second, and what happened, in one compact file per session."""
