"""Experiments over HTTP. Everybody reads them; whoever has a login adds some, and changes their own; the staff all."""

import uuid

from django.db import transaction
from rest_framework import status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.response import Response

from f1site.api import history
from f1site.api.errors import Conflict
from f1site.api.viewsets import EntityViewSet
from ml import recording
from ml.filters import ExperimentFilter
from ml.models import Experiment
from ml.serializers import ExperimentSerializer


class ExperimentViewSet(EntityViewSet):
    """Questions, and the runs that try to answer them."""

    queryset = Experiment.objects.all()
    serializer_class = ExperimentSerializer
    filterset_class = ExperimentFilter
    permission_classes = [IsAuthenticatedOrReadOnly]
    search_fields = ("name", "owner", "description")
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    failures = {"create": {409}, "partial_update": {409}}  # besides the usual ones

    def get_object(self, *, lock=False):
        """The row that the URL names; 404 also where that is no UUID."""
        try:
            uuid.UUID(self.kwargs["id"])
        except ValueError as error:
            raise NotFound(f"There is no experiment '{self.kwargs['id']}'.") from error
        return super().get_object(lock=lock)

    def partial_update(self, request, *args, **kwargs):
        """Changes the fields it is given; a step between states that is not possible is a conflict."""
        with transaction.atomic():
            row = self.owned()
            before = row.status
            serializer = self.get_serializer(row, data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            after = serializer.validated_data.get("status", before)
            if after != before and after not in Experiment.NEXT[Experiment.Status(before)]:
                raise Conflict(f"An experiment that is {before} cannot become {after}.")
            self.save(serializer)
            history.changed(request.user, row, serializer.validated_data)
        return Response(serializer.to_representation(row))

    def destroy(self, request, *args, **kwargs):
        """It goes with all its runs and their files."""
        with transaction.atomic():
            row = self.owned()
            history.deleted(request.user, row)
            recording.delete_experiment(row)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def owned(self) -> Experiment:
        """The row that the URL names, if it is the caller's to change."""
        row = self.get_object(lock=True)
        if row.created_by_id != self.request.user.pk and not self.request.user.is_staff:
            raise PermissionDenied("This is the experiment of somebody else.")
        return row
