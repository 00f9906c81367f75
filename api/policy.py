"""The Content-Security-Policy: pages load and run what this site serves, and nothing from elsewhere."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


def written(policy: dict[str, str], **more: str) -> str:
    """A policy as its header has it; `more` is added to directives, with _ for -."""
    added = {name.replace("_", "-"): sources for name, sources in more.items()}
    return "; ".join(" ".join(filter(None, (name, sources, added.get(name)))) for name, sources in policy.items())


class ContentSecurityPolicyMiddleware:
    """Add the header, which is built once. The admin's widgets are Alpine expressions in its templates, which need eval."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = written(settings.CONTENT_SECURITY_POLICY)
        self.admins = written(settings.CONTENT_SECURITY_POLICY, script_src="'unsafe-eval'")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        policy = self.admins if request.path_info.startswith("/admin/") else self.policy
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
