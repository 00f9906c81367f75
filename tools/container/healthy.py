"""Exits with 0 while the site in this container answers. A broker or database that is away is no reason to restart the site."""

import http.client
import os
import sys

host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].strip().lstrip(".")  # another one would be refused
asked = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=4)
try:
    asked.request("GET", "/healthz/", headers={"Host": host if host not in ("", "*") else "localhost"})
    answer = asked.getresponse()
except OSError as error:
    sys.exit(f"The site does not answer: {error}")
if answer.status != 200:
    sys.exit(f"The site answers {answer.status}: {answer.read(200)!r}")
