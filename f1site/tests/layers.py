"""Reads the source of a tree of packages and lists what breaks the rule that a package knows only those of lower layers."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
BY_LABEL = {"get_model", "get_app_config", "get_registered_model", "import_module", "import_string", "__import__"}
MUTATORS = {"append", "extend", "insert", "add", "update", "setdefault", "remove", "pop", "clear"}
MANAGERS = {"objects", "_default_manager", "_base_manager"}  # `Model.objects.update(…)` changes rows, not the class


@dataclass(frozen=True, kw_only=True)
class Module:
    """A source file: its dotted name, its syntax tree, and what its imports bind: {local name: dotted name}."""

    name: str
    tree: ast.Module
    names: dict[str, str]

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]


@dataclass(kw_only=True)
class House:
    """The packages below `root` in the order of their layers, the lowest first.

    `labels` are {app label: package} where the two differ; `allowed` are strings that look like upward references and are none.
    """

    root: Path
    layers: Collection[str]
    labels: dict[str, str] = field(default_factory=dict)
    allowed: Collection[str] = ()

    def __post_init__(self) -> None:
        self.order = {package: height for height, package in enumerate(self.layers)}
        self.modules = {module.name: module for package in self.layers for module in self.read(package)}
        self.classes = {
            (name.partition(".")[0], node.name)
            for name, module in self.modules.items()
            for node in module.tree.body
            if isinstance(node, ast.ClassDef)
        }

    def read(self, package: str) -> Iterator[Module]:
        for path in sorted((self.root / package).rglob("*.py")):
            if "tests" not in path.parts:
                name = ".".join(path.relative_to(self.root).with_suffix("").parts).removesuffix(".__init__")
                tree = ast.parse(path.read_text())
                names = {bound: full for node in ast.walk(tree) for bound, full in bindings(node)}
                yield Module(name=name, tree=tree, names=names)

    # Packages and modules

    def package_of(self, name: str) -> str | None:
        """The package of a dotted name or of an app label; None for those of others."""
        first = name.partition(".")[0]
        first = self.labels.get(first, first)
        return first if first in self.order else None

    def is_upward(self, module: Module, name: str) -> bool:
        package = self.package_of(name)
        return package is not None and self.order[package] > self.order[module.package]

    def module_of(self, name: str) -> str | None:
        """The longest part of a dotted name that is a module."""
        parts = name.split(".")
        return next((part for n in range(len(parts), 0, -1) if (part := ".".join(parts[:n])) in self.modules), None)

    def is_foreign(self, module: Module, node: ast.expr) -> bool:
        """Whether an expression starts with a name that was imported from another package of this tree."""
        base = base_name(node)
        full = module.names.get(base, "") if base else ""
        return self.package_of(full) not in (None, module.package)

    # Rules

    def violations(self) -> list[str]:
        return [
            f"{module.name}:{getattr(node, 'lineno', 0)} {found}"
            for module in self.modules.values()
            for node in ast.walk(module.tree)
            for rule in (self.imports, self.references, self.assignments, self.mutations, self.unregistrations)
            for found in rule(module, node)
        ]

    def imports(self, module: Module, node: ast.AST) -> Iterator[str]:
        """Imports of a higher package."""
        if isinstance(node, ast.ImportFrom) and node.level:
            yield "imports relatively"
        yield from (f"imports {full}" for _, full in bindings(node) if self.is_upward(module, full))

    def references(self, module: Module, node: ast.AST) -> Iterator[str]:
        """Strings that name a module, a model or an app of a higher package."""
        if isinstance(node, ast.Call) and call_name(node) in BY_LABEL and node.args:
            name = constant(node.args[0])
            if name and name not in self.allowed and not DOTTED.fullmatch(name) and self.is_upward(module, name):
                yield f"names {name!r}"
        name = constant(node)
        if name and DOTTED.fullmatch(name) and name not in self.allowed and self.is_upward(module, name):
            package, rest = self.package_of(name), name.split(".")[1:]
            if f"{package}.{rest[0]}" in self.modules or (package, rest[0]) in self.classes:
                yield f"names {name!r}"

    def assignments(self, module: Module, node: ast.AST) -> Iterator[str]:
        """Assignments to attributes or items of what another package defines."""
        for target in targets(node):
            if isinstance(target, ast.Attribute | ast.Subscript) and self.is_foreign(module, target):
                yield f"assigns {ast.unparse(target)}"
        if isinstance(node, ast.Call) and call_name(node) in ("setattr", "delattr") and self.is_foreign(module, node.args[0]):
            yield f"assigns by {ast.unparse(node)}"

    def mutations(self, module: Module, node: ast.AST) -> Iterator[str]:
        """Changes of lists, sets and dictionaries that another package defines."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS):
            return
        owner = node.func.value
        if MANAGERS.isdisjoint(ast.unparse(owner).split(".")) and self.is_foreign(module, owner):
            full = ".".join([module.names[base_name(owner) or ""], *ast.unparse(owner).split(".")[1:]])
            if full not in self.modules:  # else it is a function of that module
                yield f"changes {ast.unparse(owner)}"

    def unregistrations(self, module: Module, node: ast.AST) -> Iterator[str]:
        """Admin pages of another package's models that are taken away."""
        if isinstance(node, ast.For):
            loop_names = {item.id for item in ast.walk(node.target) if isinstance(item, ast.Name)}
            calls = [item for part in node.body for item in ast.walk(part) if is_unregister(item)]
            used = {item.id for call in calls for item in ast.walk(call) if isinstance(item, ast.Name)}
            models = list(ast.walk(node.iter)) if loop_names & used else []
        else:
            models = [item for argument in node.args for item in ast.walk(argument)] if is_unregister(node) else []
        for model in models:
            if isinstance(model, ast.Name) and self.is_foreign(module, model):
                yield f"unregisters {model.id}"

    # Circles

    def circles(self) -> list[list[str]]:
        """Groups of modules that import each other, also inside functions; imports for type checkers alone do not count."""
        arrows = {name: self.imported_modules(module) for name, module in self.modules.items()}
        reached = {name: reachable(name, arrows) for name in arrows}
        groups = {tuple(sorted(b for b in reached[a] if a in reached[b])) for a in arrows if a in reached[a]}
        return [list(group) for group in sorted(groups)]

    def imported_modules(self, module: Module) -> set[str]:
        typing_only = {
            child
            for node in ast.walk(module.tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for child in ast.walk(node)
        }
        full = [name for node in ast.walk(module.tree) if node not in typing_only for _, name in bindings(node)]
        return {imported for name in full if (imported := self.module_of(name))}


def bindings(node: ast.AST) -> list[tuple[str, str]]:
    """(local name, dotted name) of what a statement imports."""
    if isinstance(node, ast.Import):
        return [(alias.asname or alias.name.partition(".")[0], alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names]
    return []


def base_name(node: ast.AST) -> str | None:
    """`a` of `a.b["c"].d`; None for other expressions."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def call_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def constant(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def targets(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns or deletes."""
    match node:
        case ast.Assign(targets=found) | ast.Delete(targets=found):
            return [part for target in found for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
    return []


def is_unregister(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and call_name(node) == "unregister"


def reachable(start: str, arrows: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [*arrows[start]]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += arrows[name]
    return seen
