"""An application for tests of the server: `f1site.asgi` with a short answer and an endless one in place of Django."""

from f1site import asgi, connections


class Response:
    streaming = True

    def __init__(self, path):
        self.endless = path == "/endless"

    def get(self, name, default):
        return default if self.endless else 2

    def __iter__(self):
        if not self.endless:
            return iter([b"ok"])
        return iter(lambda: b"x" * 100_000, b"")

    def close(self):
        print("closed", flush=True)  # noqa: T201


def django(environ, start_response):
    environ[asgi.admission.LONG]()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Response(environ["PATH_INFO"])


asgi.django = django
asgi.BODY_SECONDS = 1
connections.HEAD_SECONDS = 1
connections.STALL_SECONDS = 1
application = asgi.application
