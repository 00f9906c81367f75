"""FastF1's laps: read, compared with OpenF1's, and merged into the columns that OpenF1 does not have."""
