"""Reading is open; writing needs the model's permission, and a sync both the one to add and the one to change."""

from typing import Any

from rest_framework.permissions import DjangoModelPermissionsOrAnonReadOnly


class ModelPermissions(DjangoModelPermissionsOrAnonReadOnly):
    def has_permission(self, request: Any, view: Any) -> bool:
        if not str(view.action).startswith("sync_"):
            return super().has_permission(request, view)
        model = self._queryset(view).model
        wanted = {*self.get_required_permissions("POST", model), *self.get_required_permissions("PUT", model)}
        return request.user.is_authenticated and request.user.has_perms(wanted)
