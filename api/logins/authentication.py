"""`Authorization: Token …` and `Authorization: Bearer …`: the same tokens, from wherever they are."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from api.logins.models import Token


class TokenAuthentication(authentication.TokenAuthentication):
    """`Authorization: Token …`"""

    def authenticate_credentials(self, key: str) -> tuple[Any, Token]:
        token = Token.find(key)
        if token is None:
            raise AuthenticationFailed(
                "The token is not valid: mistyped, revoked or expired. POST /api/v1/token/ without it gives a new one."
            )
        return token.user, token


class BearerAuthentication(TokenAuthentication):
    """`Authorization: Bearer …`, as OpenF1's clients write it."""

    keyword = "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):
    """The second way to send a token in the OpenAPI description, where it needs a name of its own."""

    target_class = BearerAuthentication
    name = "bearerAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return build_bearer_security_scheme_object(header_name="Authorization", token_prefix="Bearer")  # noqa: S106 - no password


def user_of(request: Any) -> Any:
    """The user whose token a request has; None without one, or with one that is not valid here, such as OpenF1's own."""
    if "HTTP_AUTHORIZATION" not in request.META:
        return None
    try:
        found = next(filter(None, (each().authenticate(request) for each in (TokenAuthentication, BearerAuthentication))), None)
    except AuthenticationFailed:
        return None
    return found[0] if found else None
