"""The addresses of MLflow's protocol, below the site's own (`MLFLOW_TRACKING_URI=https://f1.example.org`)."""

from django.urls import path, re_path

from ml.tracker.views import CallView, FilesView, FolderView

KEY = "[0-9a-f]{32}"
urlpatterns = [
    path("api/2.0/mlflow-artifacts/artifacts", FolderView.as_view()),
    re_path(
        rf"^api/2.0/mlflow-artifacts/artifacts/(?P<experiment>{KEY})/(?P<run>{KEY})/artifacts/(?P<name>.+)$", FilesView.as_view()
    ),
    path("api/2.0/mlflow/<path:call>", CallView.as_view()),
]
