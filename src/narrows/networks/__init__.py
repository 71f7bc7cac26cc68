"""What is computed: choices of layers become a plan, and a plan becomes functions, Keras models and tables."""

from narrows.networks.choices import Choices
from narrows.networks.conv import Conv
from narrows.networks.dense import Dense
from narrows.networks.plan import Plan

__all__ = ["Choices", "Conv", "Dense", "Plan"]
