"""How gunicorn serves the site: one process, which suits SQLite; WEB_CONCURRENCY asks for more. Threads: f1site/asgi.py."""

import ctypes
import gc
import os
import sys
from contextlib import suppress
from typing import Any

worker_class = "f1site.connections.Worker"
asgi_lifespan = "off"  # Django has nothing to do at start and stop
asgi_disconnect_grace_period = 0  # of an answer whose client is gone
loglevel = "warning"
keepalive = 60  # seconds that a client's connection stays open for its next question: opening one costs as much as a small answer
graceful_timeout = 5  # seconds that a stop waits for requests under way
control_socket_disable = True  # it would be a file in the home directory

# glibc and Arrow keep what was freed in pools of each thread, which is 100 MB of a busy worker. Two pools for all threads do, and
# none of Arrow's own. Other C libraries have no such pools.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
M_ARENA_MAX = -8
with suppress(AttributeError):
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


def post_worker_init(worker: Any) -> None:
    sys.setswitchinterval(0.0003)  # a thread with a short answer waits less for those with long ones
    gc.set_threshold(20_000, 20, 100)  # an answer of a thousand rows is no reason to look through everything
    gc.collect()
    gc.freeze()  # what was loaded stays loaded: the collector need not look through it again in the middle of requests
    from telemetry.samples import loading  # Django is set up by now

    loading.load_later()
