"""Dates and times as the pages show them: UTC, 24 hours. Django's own en-gb has "11:28 p.m."."""

DATETIME_FORMAT = "j M Y H:i"
DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
