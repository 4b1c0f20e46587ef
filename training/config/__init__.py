"""A training run as a TOML file. Every key is a field of a record here; an unknown key is an error."""

from training.config.augment import AugmentConfig
from training.config.data import DataConfig, QuantityConfig, SideTaskConfig
from training.config.optim import OptimConfig
from training.config.run import Config, ModelConfig, load_config
from training.config.visual_augment import VisualAugmentConfig

__all__ = [
    "AugmentConfig",
    "Config",
    "DataConfig",
    "ModelConfig",
    "OptimConfig",
    "QuantityConfig",
    "SideTaskConfig",
    "VisualAugmentConfig",
    "load_config",
]
