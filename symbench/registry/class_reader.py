"""Reads classes from their source by syntax, so that nothing is imported."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import new_class
from typing import Any

from symbench import contract
from symbench.registry.card import described
from symbench.registry.code_files import module_file, package_of

_PLAIN = (ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom)
_OPAQUE = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)  # scopes of their own

Bindings = Mapping[str, "ast.stmt | None"]


class UnreadableError(Exception):
    """The source does not state the card in plain literals: the class must be imported."""


class Unreadable:
    """The value of an attribute that is not a literal."""


@dataclass(frozen=True)
class _Module:
    """A parsed module: each name that it binds, with its statement; None if that is not plain."""

    name: str
    parents: tuple[str, ...]
    bindings: Bindings


@dataclass(frozen=True)
class _ModuleName:
    """A module that a name refers to."""

    name: str


class Package:
    """The source of one top-level package, or of one module outside of any package."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root  # the folder that it is imported from
        self.files: set[Path] = set()  # all that was read
        self._modules: dict[str, _Module] = {}

    def card(self, kind: str, target: str) -> dict[str, Any]:
        """Return the card of the class ``"package.module:Class"``.

        Raises:
            UnreadableError: its source does not state it in plain literals.
        """
        module, _, name = target.partition(":")
        outline = self.outline(module, name)
        if Unreadable in (getattr(outline, "summary", ""), *described(kind, outline).values()):
            raise UnreadableError(f"{target} has an attribute that is not a literal")
        return described(kind, outline)

    def outline(self, module: str, name: str) -> type:
        """Return a class with the bases, docstring and literal attributes of the real one.

        An attribute that is not a literal has the value ``Unreadable``.

        Raises:
            UnreadableError: the class or one of its bases is not written as a plain class.
        """
        try:
            value = self._attribute(module, name)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            raise UnreadableError(f"{module}:{name}: {error}") from error
        if not isinstance(value, type):
            raise UnreadableError(f"{module}:{name} is not written as a class")
        return value

    def _attribute(self, module: str, name: str) -> object:
        """Return what an attribute of any module is: a class, a literal or a module."""
        top = module.partition(".")[0]
        if top == self.name:
            parsed = self._module(module)
            if name not in parsed.bindings and module_file(self.root, f"{module}.{name}"):
                return _ModuleName(f"{module}.{name}")
            return self._lookup(parsed, name)
        if top == "symbench" and hasattr(contract, name):
            return getattr(contract, name)
        if top in sys.stdlib_module_names:
            return getattr(import_module(module), name)
        raise UnreadableError(f"{module}.{name} is outside of the package {self.name}")

    def _module(self, name: str) -> _Module:
        if name not in self._modules:
            file = module_file(self.root, name)
            if file is None:
                raise UnreadableError(f"no source file of the module {name}")
            self.files.add(file)
            tree = ast.parse(file.read_bytes())
            self._modules[name] = _Module(name, package_of(name, file), _bindings(tree.body))
        return self._modules[name]

    def _lookup(self, module: _Module, name: str) -> object:
        match module.bindings.get(name):
            case ast.ClassDef() as statement:
                return self._class(module, statement)
            case ast.Assign() | ast.AnnAssign() as statement:
                return self._value(module, _assigned(statement, name))
            case ast.ImportFrom() as statement:
                source, attribute = _imported_from(statement, module.parents, name)
                return self._attribute(source, attribute)
            case ast.Import() as statement:
                return _ModuleName(_imported(statement, name))
            case None if name not in module.bindings and hasattr(builtins, name):
                return getattr(builtins, name)
        raise UnreadableError(f"{module.name}.{name} is not bound by one plain statement")

    def _value(self, module: _Module, node: ast.expr) -> object:
        match node:
            case ast.Constant():
                return node.value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.Name():
                return self._lookup(module, node.id)
            case ast.Attribute():
                owner = self._value(module, node.value)
                if isinstance(owner, _ModuleName):
                    return self._attribute(owner.name, node.attr)
        raise UnreadableError(f"{module.name}: {ast.unparse(node)} is not a literal")

    def _class(self, module: _Module, node: ast.ClassDef) -> type:
        bindings = _bindings(node.body)
        plain = all(_harmless(decorator) for decorator in node.decorator_list)
        if node.keywords or not plain or "__init_subclass__" in bindings:
            raise UnreadableError(f"{module.name}:{node.name} is made by more than its body")
        bases = tuple(self._value(module, base) for base in node.bases)
        body: dict[str, object] = {"__doc__": ast.get_docstring(node, clean=False)}
        names = [name for name in bindings if name != "__slots__"]
        body |= {name: self._literal(module, bindings, name) for name in names}
        try:
            return new_class(node.name, bases, {}, lambda namespace: namespace.update(body))
        except TypeError as error:
            raise UnreadableError(f"{module.name}:{node.name}: {error}") from error

    def _literal(self, module: _Module, bindings: Bindings, name: str) -> object:
        statement = bindings[name]
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            return Unreadable
        try:
            node = _assigned(statement, name)
            if isinstance(node, ast.Name) and node.id in bindings:  # a name of the class body
                return self._literal(module, {**bindings, name: None}, node.id)
            value = self._value(module, node)
        except UnreadableError:
            return Unreadable
        return value if isinstance(value, str | int | float | None) else Unreadable


def _bindings(body: list[ast.stmt]) -> dict[str, ast.stmt | None]:
    """Return the names that statements bind, and by which one: None if it is not plain."""
    bindings: dict[str, ast.stmt | None] = {}
    for statement in body:
        for name in _bound(statement):
            plain = isinstance(statement, _PLAIN) and name not in bindings
            bindings[name] = statement if plain else None
    return bindings


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds, or changes an attribute or an item of."""
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        case ast.AnnAssign(value=None):
            return
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store()):
            yield from (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
    if not isinstance(node, _OPAQUE):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _assigned(statement: ast.Assign | ast.AnnAssign, name: str) -> ast.expr:
    """Return the expression that an assignment gives to a name."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in targets:
        match target, statement.value:
            case ast.Name(), ast.expr() as value if target.id == name:
                return value
            case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                for element, value in zip(names, values, strict=True):
                    if isinstance(element, ast.Name) and element.id == name:
                        return value
    raise UnreadableError(f"{name} is not assigned by itself")


def _harmless(decorator: ast.expr) -> bool:
    """Whether a decorator leaves the attributes of a class as they are."""
    name = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return name.rpartition(".")[2] in ("final", "dataclass")


def _imported_from(
    statement: ast.ImportFrom, parents: tuple[str, ...], name: str
) -> tuple[str, str]:
    """Return the module and the attribute that ``from … import …`` binds a name to."""
    base = parents[: len(parents) + 1 - statement.level] if statement.level else ()
    source = ".".join([*base, *filter(None, [statement.module])])
    alias = next(alias for alias in statement.names if (alias.asname or alias.name) == name)
    return source, alias.name


def _imported(statement: ast.Import, name: str) -> str:
    """Return the module that ``import …`` binds a name to."""
    return next((alias.name for alias in statement.names if alias.asname == name), name)
