"""The REST API as a Postman collection, generated from its OpenAPI description: every route, in an order in which it can be run.

First come a few requests whose answers are the ids that later requests need (`session_id` …). Then follows each entity: it is
listed, one row is added, shown, changed, synced and deleted. Rows that others refer to (races, sessions, experiments) are deleted
last. Ids of rows that the run has added begin with `new_`; nothing else is changed or deleted.
"""
