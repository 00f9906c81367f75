"""How gunicorn serves the site: one process with threads, which suits SQLite; WEB_CONCURRENCY asks for more processes."""

import gc
import signal
from typing import Any

worker_class = "gthread"
threads = 8
loglevel = "warning"
keepalive = 60  # seconds that a client's connection stays open for its next question: opening one costs as much as a small answer
graceful_timeout = 5  # seconds that a stop waits for requests under way
control_socket_disable = True  # it would be a file in the home directory


def post_worker_init(worker: Any) -> None:
    """Stop after the requests under way, also on Ctrl-C, of which the master tells its workers by SIGQUIT.

    gunicorn's own handler of that stops at once, and hangs when it meets the thread pool in the middle of starting a thread.
    """
    gc.collect()
    gc.freeze()  # what was loaded stays loaded: the collector need not look through it again in the middle of requests
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
