"""What the lessons import: image loaders, backbones, freezing, plots and widgets.

Names are imported on first use, so that ``import course_utils`` is quick and does not
import TensorFlow.
"""

import contextlib
import importlib
import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors of Python only, no notes of TensorFlow
# Feature tables are so small that the threads of NumPy and SciPy mostly wait for each other:
# a logistic regression takes many times as long with two threads as with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_HOMES = {
    "editions": "current_edition",
    "datasets": "load_split load_dataset load_signer_split signers_of load_public",
    "tensors": "path_to_tensor paths_to_tensor",
    "backbones": "load_backbone classify",
    "transfer": "freeze_up_to add_classifier split_at",
    "features": "extract_features",
    "metrics": "accuracy_report",
    "plots": "plot_confusion_matrix plot_history show_images show_figure plot_top5",
    "explain": "activation_layers activation_maps grad_cam occlude",
    "plumbing.channel_peaks": "strongest_images",
    "plumbing.receptive_fields": "receptive_field",
    "widgets": "AugmentationPreview ClassifierPlayground ErrorBrowser FeatureExplorer "
    "FreezeExplorer StrategyAdvisor",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module 'course_utils' has no attribute {name!r}")
    with _silent_libraries():
        home = importlib.import_module(f"course_utils.{_HOME_OF[name]}")
    # Every model of a lesson is traced anew, which TensorFlow mistakes for a fault and reports.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return getattr(home, name)


def __dir__():
    return __all__


@contextlib.contextmanager
def _silent_libraries():
    """Silence what TensorFlow's C++ code writes to stderr while it is loaded.

    No setting reaches these lines, which would open every lesson with the news that there
    is no graphics card. Python's exceptions and warnings are not affected.
    """
    stderr = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(nothing)
        os.close(stderr)
