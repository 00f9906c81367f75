from f1site.api.filters import ModelFilter
from ml.models import Experiment

OTHERS = ("id", "tags", "created_by_id", "baseline_run_id")


class ExperimentFilter(ModelFilter):
    """Every field of an experiment that is a text or a time."""

    class Meta:
        model = Experiment


for name in [name for name in ExperimentFilter.base_filters if name.partition("__")[0] in OTHERS]:
    del ExperimentFilter.base_filters[name]
for name in OTHERS:
    del ExperimentFilter.paths[name]
