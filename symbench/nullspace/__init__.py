"""The null space of the derivative of a Gaussian process, which tells what a function keeps.

``process`` is the regression, ``acting`` the algebra that the data can test, and ``comparison`` the
decision how many directions count.
"""
