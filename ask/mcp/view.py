"""`/mcp`: the MCP server over streamable HTTP, a request at a time and without sessions.

It is a Django view, so that hosts, limits, log lines and rate limits are those of the whole site, and so that the SDK is loaded
only by a site that is asked by MCP. A request runs an event loop of its own; tools come back to the thread of the request.
"""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import validate_host
from django.views.decorators.csrf import csrf_exempt

from api import throttling
from api.logins.authentication import user_of
from ask.mcp.turns import current_request

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

Message = MutableMapping[str, Any]


@csrf_exempt  # it reads only, and nobody's login counts
def mcp(request: HttpRequest) -> HttpResponse:
    """Answer one message of a client."""
    if not settings.MCP:
        return JsonResponse({"detail": "MCP is turned off on this site (setting MCP)."}, status=404)
    if request.method != "POST":  # there are no sessions to listen to or to end
        return JsonResponse({"detail": "MCP clients POST their messages here."}, status=405, headers={"Allow": "POST"})
    if not is_own_origin(request):
        return JsonResponse({"detail": f"Pages of {request.headers['Origin']} may not ask here."}, status=403)
    if settings.THROTTLES["reads"] and (
        seconds := throttling.count_request("reads", throttling.client_of(request, user_of(request)))
    ):
        return throttling.too_many_requests(seconds)
    token = current_request.set(request)
    try:
        return async_to_sync(answer)(request)
    finally:
        current_request.reset(token)


def is_own_origin(request: HttpRequest) -> bool:
    """Whether a request comes from a program, or from a page of this site or of one that may use the API."""
    origin = request.headers.get("Origin")
    if origin is None or origin in settings.CORS_ALLOWED_ORIGINS:
        return True
    return validate_host(origin.partition("://")[2].rpartition(":")[0] or origin.partition("://")[2], settings.ALLOWED_HOSTS)


async def answer(request: HttpRequest) -> HttpResponse:
    """What the SDK answers to a request."""
    manager = make_manager()
    sent: list[Message] = []
    received = False

    async def receive() -> Message:
        nonlocal received
        if received:
            return {"type": "http.disconnect"}
        received = True
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    async with manager.run():
        await manager.handle_request(make_scope(request), receive, send)
    response = HttpResponse(b"".join(message.get("body", b"") for message in sent[1:]), status=sent[0]["status"])
    for name, value in sent[0].get("headers", []):
        response.headers[name.decode("latin-1")] = value.decode("latin-1")
    return response


def make_manager() -> "StreamableHTTPSessionManager":
    """The SDK's handler of one request."""
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    from ask.mcp.server import make_server

    checked_by_django = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server: Any = make_server()
    return StreamableHTTPSessionManager(
        server._lowlevel_server,
        json_response=True,
        stateless=True,
        security_settings=checked_by_django,
        max_request_body_size=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    )


def make_scope(request: HttpRequest) -> dict[str, Any]:
    """ASGI's description of a request."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": (request.META.get("REMOTE_ADDR", ""), 0),
        "server": (request.get_host(), None),
    }
