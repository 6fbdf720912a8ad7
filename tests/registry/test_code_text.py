"""What of a source counts as code: the same on every version of Python."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symbench.registry.code_text import code_of

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*ROOT.glob("symbench/**/*.py"), *ROOT.glob("plugins/**/*.py")])
STATEMENTS = [
    "x = 1",
    "y = 'a # b'",
    'z = f"{x:#x} # {y}"',
    't = """two\n\n  # lines  \n"""',
    'u = f"""{x}\n\n# {y!r:#>10}  \n"""',
    "w = [\n    1,\n    2,\n]",
    "v = ('a'\n     f'b{x}')",
    "def f(a):\n    return a",
    "class A:\n    b = 1\n\n    def c(self):\n        return self.b",
    "if x:\n    y = 2\nelse:\n    y = 3",
    "s = 'it\\'s # \\\\'",
    "q = x + \\\n    1",
]
SPACES = "   "
NASTY = '''#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Module docstring: naïve ü."""  # with a comment


import sys


class Empty:
    """Only a docstring."""


class Full:
    """Several

    lines."""; shown = 1

    def method(self) -> str:
        r"""Raw."""  # comment
        text = """not a docstring{SPACES}

    # no comment
"""  # comment
        return f"{text!r:#>10}#" f'{self.shown:#x}' "#"   # comment ü

    async def both(self): "one line"

    def late(self):
        x = 1
        "a string that is an expression"
        return (
            # a comment

            x   # ü
        )
'''.replace("{SPACES}", SPACES)
NASTY_CODE = '''import sys
class Empty:
    pass
class Full:
    ; shown = 1
    def method(self) -> str:
        text = """not a docstring{SPACES}

    # no comment
"""
        return f"{text!r:#>10}#" f'{self.shown:#x}' "#"
    async def both(self): pass
    def late(self):
        x = 1
        "a string that is an expression"
        return (
            x
        )'''.replace("{SPACES}", SPACES)


def code(text: str) -> str:
    return code_of(text.encode()).decode()


@pytest.fixture(scope="module", params=SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def source(request):
    return request.param.read_text()


def test_a_difficult_source_is_cut_as_written_here():
    assert code(NASTY) == NASTY_CODE


def test_the_code_of_a_difficult_source_has_one_hash_on_every_version_of_python():
    digest = hashlib.sha256(code_of(NASTY.encode())).hexdigest()
    assert digest == "55ba779ed2f003af91544a49d775a08c93c2144fe6155fc9a96b7c09a333b05f"


def test_what_is_left_means_the_same(source):
    assert ast.dump(ast.parse(code(source))) == ast.dump(undocumented(ast.parse(source)))


def test_cutting_twice_is_cutting_once(source):
    assert code(code(source)) == code(source)


def undocumented(tree):
    """Take the docstrings off a tree, as the interpreter finds them."""
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            rest = node.body[1:]
            node.body = rest or ([] if isinstance(node, ast.Module) else [ast.Pass()])
    return tree


def decorated(draw, text):
    """The same statements with comments, blank lines and trailing whitespace among them."""
    noise = st.sampled_from(["", "\n", "  \n", "# a comment\n", "\n    # ü 'quoted\n", '# """\n'])
    tail = st.sampled_from(["", "  ", "  # tail", "# it's"])
    return draw(noise) + text + draw(tail) + "\n" + draw(noise)


@given(st.data(), st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6))
def test_comments_and_blank_lines_do_not_count(data, statements):
    noisy = "".join(decorated(data.draw, statement) for statement in statements)
    assert code(noisy) == code("\n".join(statements))


@given(st.text(st.characters(codec="utf-8", exclude_characters='"\\\0\r')), st.integers(0, 4))
def test_docstrings_do_not_count(words, place):
    places = ["", "", "", "", ""]
    places[place] = f'"""{words}"""'
    module, of_class, of_method, of_function, of_async = places
    text = (
        f"{module}\nclass A:\n    {of_class}\n    x = 1\n    def m(self):\n"
        f"        {of_method}\n        return 1\ndef f():\n    {of_function}\n    return 1\n"
        f"async def g():\n    {of_async}\n    return 2\n"
    )
    assert code(text) == code(text.replace(places[place], ""))


@given(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6), st.data())
def test_a_different_program_has_different_code(statements, data):
    others = data.draw(st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=6))
    same = statements == others
    assert (code("\n".join(statements)) == code("\n".join(others))) is same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 'a'", "x = 'b'"),
        ("x = 1", "x = 2"),
        ("x = f'{y:#x}'", "x = f'{y:#o}'"),
        ("x = f'# {y}'", "x = f'# {z}'"),
        ("x = '''a\n\nb'''", "x = '''a\nb'''"),
        ("x = '''a  \nb'''", "x = '''a\nb'''"),
        ("x = '''a\n# b\n'''", "x = '''a\n# c\n'''"),
        ("x = f'''a\n# {b}\n'''", "x = f'''a\n# {c}\n'''"),
        ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
        ("def f():\n    x = 1\n    'not a docstring'", "def f():\n    x = 1\n    'nor this'"),
        ("if x:\n    'not a docstring'", "if x:\n    'nor this'"),
        ("x = 1\n'not a docstring'", "x = 1\n'nor this'"),
        ("def f():\n    b'bytes'", "def f():\n    b'other'"),
        ("def f():\n    f'{x}'", "def f():\n    f'{y}'"),
        ("def f(): pass", "def f(): return 1"),
    ],
)
def test_a_change_of_code_counts(before, after):
    ast.parse(before), ast.parse(after)
    assert code(before) != code(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f():\n    'doc'", "def f():\n    pass"),
        ("def f():\n    'doc'", "def f():\n    'other'"),
        ("class A: 'doc'", "class A: pass"),
        ("'doc'", ""),
        ("def f():\n    'doc'\n    return 1", "def f():\n    return 1"),
        ("x = (  # a\n    1,\n\n    # b\n)", "x = (\n    1,\n)"),
        ("x = ('a'  # one\n\n     f'{y}')  # two", "x = ('a'\n     f'{y}')"),
        ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        ("\ufeffx = 1", "x = 1"),
        ("def f():\n  ('long '  # why\n   'doc')\n  return 1", "def f():\n  ('doc')\n  return 1"),
    ],
)
def test_a_change_of_prose_does_not_count(before, after):
    assert code(before) == code(after)


@pytest.mark.parametrize(
    "source", [b"def broken(:", b"x = '\xff'", b"x = 1\0", b"  x = (", b"# coding: no-such\nx = 1"]
)
def test_a_source_that_does_not_parse_counts_whole(source):
    assert code_of(source) == source
