"""The layer in memory does what every layer must do."""

from tests.support.layer_model import cases
from tests.support.layers import MemoryAdapter

TestDropNewest, TestDropOldest, TestClose = cases(MemoryAdapter, examples=80)
