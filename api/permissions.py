"""Permissions of the API: anyone reads; writing needs the model's permission, a sync those to add and to change."""

from typing import Any

from rest_framework.permissions import DjangoModelPermissionsOrAnonReadOnly


class ModelPermissions(DjangoModelPermissionsOrAnonReadOnly):
    def has_permission(self, request: Any, view: Any) -> bool:
        if not str(view.action).startswith("sync_"):
            return super().has_permission(request, view)
        model = self._queryset(view).model
        required = {*self.get_required_permissions("POST", model), *self.get_required_permissions("PUT", model)}
        return request.user.is_authenticated and request.user.has_perms(required)
