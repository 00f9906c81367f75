"""The OpenF1-compatible API under /v1: parse the query, choose the rows, write them as bytes.

`catalogue` says what can be asked, `query` and `values` read the question, `predicates` and `rows` answer it from the
database, `render` writes the answer, `views` speaks HTTP. Fields, names and types are the feeds', read backwards.
"""
