"""Samples of cars and positions: half a million rows per race, kept as columns in one Parquet file per session and car."""
