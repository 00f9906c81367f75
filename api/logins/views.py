"""Tokens over HTTP: who has a name and a password gets one, lists their own and revokes them."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from api import history
from api.filters import ModelFilter
from api.logins.limits import log_in
from api.logins.models import Token
from api.serializers import RowSerializer, validate_data
from api.viewsets import EntityViewSet

FIELDS = ("token_id", "beginning", "created_at", "expires_at", "url")


class TokenSerializer(RowSerializer):
    class Meta:
        model = Token
        fields = FIELDS


class NewTokenSerializer(TokenSerializer):
    """A new token; it is shown this once."""

    token = serializers.CharField(help_text="Send it as `Authorization: Token …` or `Authorization: Bearer …`.")

    class Meta:
        model = Token
        fields = ("token", *FIELDS)


class LoginSerializer(serializers.Serializer):
    """Name and password of a user of this site."""

    username = serializers.CharField(help_text="Your name, as in the admin.")
    password = serializers.CharField(trim_whitespace=False, help_text="Your password.")


class TokenFilter(ModelFilter):
    """Every field that is shown."""

    class Meta:
        model = Token
        exclude = ("digest", "user_id")


@extend_schema_view(
    create=extend_schema(
        summary="Get a token",
        description="For name and password of a user of this site. The token is shown this once, and ends when it is revoked.",
        request=LoginSerializer,
        responses={201: NewTokenSerializer},
    ),
    destroy=extend_schema(
        summary="Revoke one token",
        description="Whoever sends it is refused from then on.",
        responses={200: OpenApiResponse(description="It is revoked.")},
    ),
)
class TokenViewSet(EntityViewSet):
    """Your own tokens; the admin has those of everybody."""

    queryset = Token.objects.all()
    serializer_class = TokenSerializer
    filterset_class = TokenFilter
    http_method_names = ["get", "post", "delete", "head", "options"]

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if self.action == "create" else IsAuthenticated()]

    def get_queryset(self) -> QuerySet[Token]:
        user: Any = self.request.user
        return super().get_queryset().filter(user_id=user.pk)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Name and password; the answer has the token."""
        body = validate_data(LoginSerializer, request.data)
        user = log_in(request._request, body["username"], body["password"])
        if user is None:
            raise AuthenticationFailed("Incorrect username or password.")
        with transaction.atomic():
            token, key = Token.issue(user)
            history.log_addition(user, token)
        row = self.get_serializer().to_representation(token)
        return Response({"token": key, **row}, status=status.HTTP_201_CREATED, headers={"Location": row["url"]})

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The token is refused from then on."""
        with transaction.atomic():
            token = self.get_object(lock=True)
            detail = f"Token '{token.pk}' is revoked."
            history.log_deletion(request.user, token)
            token.delete()
        return Response({"detail": detail})
