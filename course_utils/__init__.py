"""What the lessons import: tensor loaders, backbones, freezing, plots and widgets.

Names are loaded when they are first used, so that ``import course_utils`` is
quick and does not import TensorFlow.
"""

import importlib

_HOMES = {
    "editions": ["current_edition"],
    "datasets": ["load_split", "load_dataset", "load_signer_split", "signers_of"],
    "tensors": ["path_to_tensor", "paths_to_tensor"],
    "backbones": ["load_backbone", "classify"],
    "transfer": ["freeze_up_to", "add_classifier", "extract_features", "split_at"],
    "metrics": ["accuracy_report", "confusion_table"],
    "plots": ["plot_confusion_matrix", "plot_history", "show_images", "show_figure", "plot_top5"],
    "widgets": ["FreezeExplorer", "UploadClassifier"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str):
    if name not in _HOME_OF:
        raise AttributeError(f"module 'course_utils' has no attribute {name!r}")
    return getattr(importlib.import_module(f"course_utils.{_HOME_OF[name]}"), name)


def __dir__():
    return __all__
