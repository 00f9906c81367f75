from api.filters import ModelFilter
from ml.models import Experiment, Run


class ExperimentFilter(ModelFilter):
    class Meta:
        model = Experiment
        exclude = ("created_by_id", "tags")


class RunFilter(ModelFilter):
    class Meta:
        model = Run
        exclude = ("created_by_id", "libraries")
