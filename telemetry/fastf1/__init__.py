"""FastF1's laps beside OpenF1's: read, compared lap by lap, and what only FastF1 knows stored on the laps."""
