"""The ml API as JSON, by topic."""
