"""What people look at: season, weekend, session, driver and team pages, and the charts of a session.

The way of a view: `rows.load` brings every row of a session that a page may need in one query, a pure function below `charts`
turns them into a `Chart`, and the template, the JSON, the CSV and the test all read that.
"""
