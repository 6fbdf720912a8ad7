"""Which symmetry do these data have, and how sure is that?"""

from symbench.discovery.engine import discover
from symbench.discovery.findings import Findings

__all__ = ["Findings", "discover"]
