"""Which sessions can be trusted: checks that look for known faults of timing data, and how complete each collection is.

A new check is a function with `@check(severity, quirks...)` in the module of its topic, whose docstring names the fault it was
made for, and a line in `checks.CHECKS`. It is given the rows of a session, loaded once, and yields findings.
"""
