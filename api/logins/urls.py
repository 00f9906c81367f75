"""The routes of tokens; a router of their own, as tokens are not readable by everybody."""

from api.logins.views import TokenViewSet
from api.router import Router

router = Router()
router.register("token", TokenViewSet)
