"""F1 Stats: a self-hosted Formula 1 statistics site that mirrors OpenF1."""

__version__ = "0.2.0"
