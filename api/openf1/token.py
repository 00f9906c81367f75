"""`POST /token`: a login as OpenF1 has it, for clients that require one. Reading needs no token."""

from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from api.openf1 import cors

LIFETIME = 3600  # seconds
SALT = "api.openf1.token"


def issue_token(user: AbstractBaseUser) -> str:
    """A signed token with the user's primary key; it is not stored."""
    return signing.dumps(user.pk, salt=SALT)


def user_id_of(token: str) -> int | None:
    """The primary key of the user a token was issued to; None when it is invalid or older than an hour."""
    try:
        return signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None


@sensitive_post_parameters("password")
@csrf_exempt
@cors.allow_all_origins
def token(request: HttpRequest) -> HttpResponseBase:
    """Form fields `username` and `password` of a user of this site; the answer is OpenF1's."""
    if request.method != "POST":
        return JsonResponse({"detail": "Method Not Allowed"}, status=405, headers={"Allow": "POST"})
    missing = [name for name in ("username", "password") if not request.POST.get(name)]
    if missing:
        return JsonResponse({"detail": f"Send a form with {' and '.join(missing)}."}, status=400)
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return JsonResponse({"detail": "Incorrect username or password."}, status=401, headers={"WWW-Authenticate": "Bearer"})
    # `expires_in` is a number, though OpenF1 documents a string: some clients convert it, others calculate with it.
    return JsonResponse({"access_token": issue_token(user), "expires_in": LIFETIME, "token_type": "bearer"})
