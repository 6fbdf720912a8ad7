"""The registered tasks, models, metrics, suites and executors."""

from symbench.registry.card import Card, CardKind
from symbench.registry.finder import load
from symbench.registry.registry import PluginInfo, Registry, Sources

__all__ = ["Card", "CardKind", "PluginInfo", "Registry", "Sources", "load"]
