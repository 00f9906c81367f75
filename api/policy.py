"""The Content-Security-Policy header: pages load and run only what this site serves."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


def format_policy(policy: dict[str, str], **extra_sources: str) -> str:
    """The header's value; `extra_sources` are extra to directives, with _ for - in their names."""
    extra = {name.replace("_", "-"): sources for name, sources in extra_sources.items()}
    return "; ".join(" ".join(filter(None, (name, sources, extra.get(name)))) for name, sources in policy.items())


class ContentSecurityPolicyMiddleware:
    """Add the header. The admin's pages need `unsafe-eval`, because their widgets are Alpine expressions in templates."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = format_policy(settings.CONTENT_SECURITY_POLICY)
        self.admin_policy = format_policy(settings.CONTENT_SECURITY_POLICY, script_src="'unsafe-eval'")

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        policy = self.admin_policy if request.path_info.startswith("/admin/") else self.policy
        response.headers.setdefault("Content-Security-Policy", policy)
        return response
