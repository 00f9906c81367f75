"""Tables as bytes: what columns they have, and how they are written as JSON, CSV, NDJSON and Parquet.

`/v1`, the REST API, the pages of samples and `dump` share it. pyarrow is imported by the functions that use it, so that the web
process starts without it.
"""
