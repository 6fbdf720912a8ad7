"""Imported last by the fork server: workers do not inherit settings that plugins change on import.

A worker imports the plugins again and restores settings itself, but not for modules that are
already imported.
"""

from symbench.runs.executors.preload import settings

settings.restore()
