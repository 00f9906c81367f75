"""`POST /token`: a login as OpenF1 has it, for clients that require one. Reading needs no token."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from api.logins.limits import TooManyLogins, log_in
from api.logins.models import Token
from api.openf1 import cors

LIFETIME = 3600  # seconds


@sensitive_post_parameters("password")
@csrf_exempt
@cors.allow_all_origins
def token(request: HttpRequest) -> HttpResponseBase:
    """Form fields `username` and `password` of a user of this site; the answer is OpenF1's, the token does for REST as well."""
    if request.method != "POST":
        return JsonResponse({"detail": "Method Not Allowed"}, status=405, headers={"Allow": "POST"})
    missing = [name for name in ("username", "password") if not request.POST.get(name)]
    if missing:
        return JsonResponse({"detail": f"Send a form with {' and '.join(missing)}."}, status=400)
    try:
        user = log_in(request, request.POST["username"], request.POST["password"])
    except TooManyLogins as error:  # answered here, so that pages of other sites can read it
        return JsonResponse({"detail": error.detail}, status=429, headers={"Retry-After": str(error.wait)})
    if user is None:
        return JsonResponse({"detail": "Incorrect username or password."}, status=401, headers={"WWW-Authenticate": "Bearer"})
    _, key = Token.issue(user, lifetime=timedelta(seconds=LIFETIME))
    # `expires_in` is a number, though OpenF1 documents a string: some clients convert it, others calculate with it.
    return JsonResponse({"access_token": key, "expires_in": LIFETIME, "token_type": "bearer"})
