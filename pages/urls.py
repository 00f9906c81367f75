from django.urls import path

from pages import views

urlpatterns = [
    path("f1/<int:year>/<slug:race>/<slug:session>/<slug:name>/", views.view, name="session-view"),
]
