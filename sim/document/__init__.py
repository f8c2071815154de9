"""YAML documents: read into a model with every fault at its line and column."""

from .reader import Positions, read_document, top_keys

__all__ = ["Positions", "read_document", "top_keys"]
