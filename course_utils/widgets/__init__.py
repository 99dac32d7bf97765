"""Panels to see and change what a network does, in the notebook; one file each."""

from course_utils.widgets.augmentation_preview import AugmentationPreview
from course_utils.widgets.classifier_playground import ClassifierPlayground
from course_utils.widgets.error_browser import ErrorBrowser
from course_utils.widgets.feature_explorer import FeatureExplorer
from course_utils.widgets.freeze_explorer import FreezeExplorer
from course_utils.widgets.strategy_advisor import StrategyAdvisor

__all__ = [
    "AugmentationPreview",
    "ClassifierPlayground",
    "ErrorBrowser",
    "FeatureExplorer",
    "FreezeExplorer",
    "StrategyAdvisor",
]
