"""The routes of questions: below /api/v1/, and the page."""

from django.urls import path

from ask.mcp.view import mcp
from ask.sql.page import page
from ask.sql.views import SqlView

views = [path("sql/", SqlView.as_view(), name="sql")]
urlpatterns = [path("sql/", page, name="sql-page"), path("mcp", mcp, name="mcp"), path("mcp/", mcp)]
