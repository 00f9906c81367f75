"""MLflow's REST protocol over the laboratory: clients of MLflow write and read experiments, runs, figures and files.

Whatever they send is kept, and never loaded. A run of theirs counts as measured elsewhere unless it names a dataset and a split
that are known here.
"""
