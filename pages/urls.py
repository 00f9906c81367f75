from django.urls import path

from pages import views

urlpatterns = [
    path("f1/<int:year>/<slug:race>/<slug:session>/", views.session, name="session"),
    path("f1/<int:year>/<slug:race>/<slug:session>/<slug:name>/", views.view, name="session-view"),
]
