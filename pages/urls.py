from django.urls import path

from pages import hubs, people, search, views

urlpatterns = [
    path("f1/latest/", hubs.latest),
    path("f1/latest/<path:rest>", hubs.latest),
    path("f1/search/", search.page, name="search"),
    path("f1/drivers/<slug:key>/", people.driver, name="driver"),
    path("f1/teams/<slug:slug>/", people.team, name="team"),
    path("f1/sessions/<int:session_id>/", views.by_id, name="session-by-id"),
    path("f1/sessions/<int:session_id>/<slug:name>/", views.by_id),
    path("f1/<int:year>/", hubs.season, name="season"),
    path("f1/<int:year>/<slug:race>/", hubs.weekend, name="weekend"),
    path("f1/<int:year>/<slug:race>/<slug:session>/", views.session, name="session"),
    path("f1/<int:year>/<slug:race>/<slug:session>/replay.f1r", views.replay_file, name="replay-file"),
    path("f1/<int:year>/<slug:race>/<slug:session>/<slug:name>/", views.view, name="session-view"),
]
