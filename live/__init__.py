"""The session that is on track now: its feed, its journal, what viewers see of it, and what other programs get.

`manage.py live` receives messages (`connection`), writes them to the journal as they come (`inbox`, `journal`), brings the mirror
up to date as a sync would (`intake`, `samples`), and stores what the session looks like four times a second (`picture`, `board`,
`frames`). The web processes send those frames to any number of viewers (`events`).
"""
