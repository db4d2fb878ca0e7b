"""Promise: the tests of keys and normal forms notice every error in them.

As mutants.py does with SQL: one small error at a time, put into a module as it is imported, judged by the tests that concern
it. What is on disk is never touched. One process imports what is slow and is not ours; each mutant is a fork of it, which
imports the changed module and runs pytest until the first test fails. What is only said (docstrings, refusals) is left.
"""

import ast
import csv
import gc
import importlib
import importlib.util
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

import pytest

from tests.prove import judging
from tests.prove.judging import ROOT, Chosen, Outcome

with (Path(__file__).parent / "equivalent_python.csv").open(encoding="utf-8", newline="") as _file:
    EQUIVALENT = {(row["module"], row["what"]): row["reason"] for row in csv.DictReader(_file, delimiter=";")}
"""Changes that mean nothing, each with its reason."""
NORMAL = ("tests/test_normalise.py",)
TESTS: dict[str, Sequence[str]] = {
    "ledger.keys": ("tests/test_keys.py", "tests/test_ledger_laws.py::test_wrapping_an_id_makes_the_id_of_the_text"),
    "ledger.subjects": ("tests/test_objections.py", "tests/test_ledger_laws.py"),
    "base.normalise.address": NORMAL,
    "base.normalise.business_id": NORMAL,
    "base.normalise.characters": NORMAL,
    "base.normalise.columns": NORMAL,
    "base.normalise.email": NORMAL,
    "base.normalise.name": NORMAL,
    "base.normalise.phone": NORMAL,
    "base.normalise.sql": NORMAL,
    "ledger.objections": ("tests/test_objections.py", "tests/test_ledger.py", "tests/test_intake.py"),
}
"""Module -> the tests that have to notice."""
# Not run: they start programs (which would import what is on disk), build warehouses, or ask a second server the same.
LEFT_OUT = (
    "postgresql", "test_staged", "commands", "test_key_new", "warehouse", "test_a_build", "demo", "backup", "rotation",
    "while_it_is_held", "test_parsing_needs", "migrations", "test_intake.py::test_a_lake", "test_the_chain_holds",
    "test_every_change_of_a_cell", "test_two_entries", "out_of_reach", "verify", "redacted", "before_the_chain", "text_be_put",
)  # fmt: skip
ABOUT = {
    "address": "address or care_of or town or columns_are or normal_of",
    "business_id": "business_id or no_business or null or columns or macros or normal_of",
    "characters": "not fold_every",
    "columns": "column",
    "email": "mail or tag or columns_are or null or macros or normal_of",
    "name": "name or letter or title or null or macros or agree or fold or normal_of",
    "phone": "phone or columns_are or null or macros or normal_of",
    "sql": "sql or macros",
}
"""Normal form -> the tests that concern it (an expression of pytest)."""
LAST = (
    "dbt_macros",
    "reduced_side",
    "meets_in_full",
    "sql_agree",
    "fold_every_character",
    "row_by_row",
    "normal_of_normal",
    "any_two_spellings",
    "test_intake",
)
"""Slow ones: run when the others have noticed nothing."""
SECONDS, LONGER = 90, 5
"""How long a module's tests may take, and how many times as long those of a mutant before it hangs."""
OURS = ("base", "ingest", "ledger", "orchestration", "delivery", "bench", "tests")


@dataclass(frozen=True)
class Mutant:
    """One changed module. `what`: line and change in words."""

    module: str
    what: str
    tree: ast.Module


SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn,
    ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub,
    ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd,
}  # fmt: skip
PASSED_OVER = {"lower", "upper", "strip", "lstrip", "rstrip", "replace", "zfill", "translate", "casefold"}
OTHER_CALL = {"any": "all", "all": "any", "min": "max", "max": "min", "sorted": "list", "fullmatch": "match", "match": "search"}


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in a stable order."""
    tree = _parsed(source)
    named: Counter[str] = Counter()
    seen = {ast.unparse(tree)}
    for place, node in enumerate(ast.walk(tree)):
        if _is_only_told(node):
            continue
        for number, (name, _) in enumerate(_changes(node)):
            twin = _parsed(source)
            at = next(one for where, one in enumerate(ast.walk(twin)) if where == place)
            _, change = list(_changes(at))[number]
            change()
            ast.fix_missing_locations(twin)
            text = ast.unparse(twin)
            if text in seen:
                continue
            seen.add(text)
            what = f"{name}: {' '.join(ast.unparse(node).split())[:80]}"
            named[what] += 1
            yield Mutant(module, what if named[what] == 1 else f"{what} #{named[what]}", twin)


def _parsed(source: str) -> ast.Module:
    tree = ast.parse(source)
    for parent in ast.walk(tree):
        for child in ast.iter_child_nodes(parent):
            child.parent = parent  # type: ignore[attr-defined]
    return tree


def _above(node: ast.AST) -> Iterator[ast.AST]:
    while (node := getattr(node, "parent", None)) is not None:  # type: ignore[assignment]
        yield node


def _is_only_told(node: ast.AST) -> bool:
    """Docstrings, annotations, messages of what is raised, what only a command runs."""
    chain = [node, *_above(node)]
    if any(isinstance(one, ast.Raise) for one in chain[1:]) or _is_dataclass(node):
        return True
    for inner, outer in itertools.pairwise(chain):
        if isinstance(outer, ast.Import | ast.ImportFrom | ast.JoinedStr):
            return not isinstance(outer, ast.JoinedStr) or isinstance(inner, ast.Constant)
        if isinstance(outer, ast.AnnAssign | ast.arg) and inner is outer.annotation:
            return True
        if isinstance(outer, ast.FunctionDef) and inner is outer.returns:
            return True
        if isinstance(outer, ast.Expr) and isinstance(inner, ast.Constant):
            return True
        if isinstance(outer, ast.Assign) and "__all__" in ast.unparse(outer.targets[0]):
            return True
        if any(isinstance(one, ast.If) and "__name__" in ast.unparse(one.test) for one in (inner, outer)):
            return True
        if isinstance(outer, ast.FunctionDef) and outer.name == "__repr__":
            return True
        if _is_dataclass(outer) or (isinstance(outer, ast.Call) and ast.unparse(outer.func) == "store.connect"):
            return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_dataclass(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "dataclass"


def _instead(node: ast.AST, other: ast.AST) -> Callable[[], None]:
    """Put another node in the place of this one."""

    def change() -> None:
        for field, value in ast.iter_fields(node.parent):  # type: ignore[attr-defined]
            if value is node:
                setattr(node.parent, field, other)  # type: ignore[attr-defined]
            elif isinstance(value, list) and any(one is node for one in value):
                value[next(place for place, one in enumerate(value) if one is node)] = other

    return change


def _without(values: list[ast.AST], place: int, *more: list[ast.AST]) -> Callable[[], None]:
    def change() -> None:
        for one in (values, *more):
            del one[place]

    return change


def _set(node: ast.AST, field: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, field, value)


Change = tuple[str, Callable[[], None]]


def _changes(node: ast.AST) -> Iterator[Change]:
    yield from _of_expression(node)
    yield from _of_statement(node)


def _of_expression(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                if type(op) in SWAPPED:
                    yield "the opposite", lambda place=place, op=op: ops.__setitem__(place, SWAPPED[type(op)]())  # type: ignore[misc]
        case ast.BoolOp(op=op, values=values):
            yield "the opposite", _set(node, "op", SWAPPED[type(op)]())
            for place in range(len(values)):
                yield (
                    f"without part {place + 1}",
                    _instead(node, values[1 - place]) if len(values) == 2 else _without(values, place),
                )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "without not", _instead(node, operand)
        case ast.BinOp(op=op) if type(op) in SWAPPED:
            yield "the opposite", _set(node, "op", SWAPPED[type(op)]())
        case ast.IfExp(body=body, orelse=other):
            yield "always", _instead(node, body)
            yield "never", _instead(node, other)
        case ast.Constant(value=bool(value)):
            yield "the opposite", _set(node, "value", not value)
        case ast.Constant(value=int(value)):
            yield "one more", _set(node, "value", value + 1)
        case ast.Constant(value=str(value)):
            yield ("no text", _set(node, "value", "")) if value else ("some text", _set(node, "value", "x"))
        case ast.Tuple(elts=elements, ctx=ast.Load()) | ast.List(elts=elements, ctx=ast.Load()) | ast.Set(elts=elements):
            for place in range(len(elements) if len(elements) > 1 else 0):
                yield f"without element {place + 1}", _without(elements, place)
        case ast.Dict(keys=keys, values=values):
            for place in range(len(keys) if len(keys) > 1 else 0):
                yield f"without entry {place + 1}", _without(keys, place, values)
        case ast.Call(func=ast.Attribute(value=receiver, attr=name)) if name in PASSED_OVER:
            yield f"without .{name}", _instead(node, receiver)
        case ast.Call(func=ast.Name(id=name) as function) if name in OTHER_CALL:
            yield f"{OTHER_CALL[name]} for", _set(function, "id", OTHER_CALL[name])
        case ast.Call(func=ast.Attribute(attr=name) as function) if name in OTHER_CALL:
            yield f"{OTHER_CALL[name]} for", _set(function, "attr", OTHER_CALL[name])
        case ast.comprehension(ifs=conditions):
            for place in range(len(conditions)):
                yield "without condition", _without(conditions, place)
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            if keyword.arg:
                yield f"without {keyword.arg}=", _without(node.keywords, place)


def _of_statement(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.If():
            yield "always", _set(node, "test", ast.Constant(True))
            yield "never", _set(node, "test", ast.Constant(False))
        case ast.Return(value=value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield "returns None", _set(node, "value", ast.Constant(None))
        case ast.Expr() | ast.AugAssign() | ast.Continue() | ast.Break() | ast.Raise():
            yield "without", _instead(node, ast.Pass())
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in {
            one.id for one in ast.walk(value) if isinstance(one, ast.Name)
        }:
            yield "without", _instead(node, ast.Pass())


class _Looking:
    """Plugin of a mutant's pytest: which tests, in which order, and which one noticed."""

    def __init__(self, before: Counter[str]) -> None:
        self.before = before
        self.noticed: str | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Those first that have noticed others, the slow ones last."""
        items[:] = [one for one in items if not any(part in one.nodeid for part in LEFT_OUT)]
        items.sort(key=lambda one: (-self.before[one.nodeid], any(part in one.nodeid for part in LAST)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the first that fails."""
        if report.failed and self.noticed is None:
            self.noticed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported is noticed by everybody."""
        if report.failed and self.noticed is None:
            self.noticed = "its import"


class _Finder:
    """Gives the changed module when it is imported."""

    def __init__(self, module: str, tree: ast.Module | None) -> None:
        self.module, self.tree = module, tree

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """As importlib asks."""
        if name != self.module or self.tree is None:
            return None
        file = str(path_of(name))
        tree = self.tree

        class Changed(SourceFileLoader):
            def get_code(self, fullname: str) -> object:  # type: ignore[override]
                return compile(tree, file, "exec")

        return importlib.util.spec_from_file_location(name, file, loader=Changed(name, file))


def path_of(module: str) -> Path:
    """The file of one of our modules."""
    return ROOT / f"{module.replace('.', '/')}.py"


def judge(mutant: Mutant | None, module: str, seconds: float, before: Counter[str] | None = None) -> str | None:
    """Which test notices; None when none does. None as mutant: the module as it is. In a fork of this process.

    before: how many each test has noticed; it is counted on.
    """
    before = Counter() if before is None else before
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os._exit(_look(mutant, module, writing, before))
    os.close(writing)
    stop = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > stop:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "it hangs"
        time.sleep(0.01)
    with os.fdopen(reading) as told:
        noticed: str | None = json.loads(told.read() or '"it ends the process"')
    before[noticed or ""] += 1
    return noticed


def _look(mutant: Mutant | None, module: str, writing: int, before: Counter[str]) -> int:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    sys.meta_path.insert(0, _Finder(module, mutant.tree if mutant else None))  # type: ignore[arg-type]
    looking = _Looking(before)
    asked = ["-x", "-q", "--noconftest", "--assert=plain", "--tb=no"]
    asked += ["-k", ABOUT[module.rpartition(".")[2]]] if TESTS[module] is NORMAL else ["-p", "tests.ledgers"]
    asked += [one for plugin in ("cacheprovider", "unraisableexception", "threadexception") for one in ("-p", f"no:{plugin}")]
    try:
        code = pytest.main([*asked, *TESTS[module]], plugins=[looking])
        noticed = looking.noticed or (None if code == 0 else f"pytest ends with {int(code)}")
    except BaseException as error:
        noticed = f"its import: {type(error).__name__}"
    os.write(writing, json.dumps(noticed).encode())
    return 0


def prepare(scratch: Path) -> None:
    """Import what is slow and is not ours, once for all forks; nothing of it may start a thread."""
    os.environ["KOHDE_SECRET"] = "5e" * 32
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["KOHDE_VALUES"] = "2000"
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(scratch / "hypothesis")
    import hypothesis

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for path in sorted({test.split("::")[0] for tests in TESTS.values() for test in tests} | {"tests/ledgers.py"}):
            importlib.import_module(path.removesuffix(".py").replace("/", "."))
        os.write(writing, json.dumps([name for name in sys.modules if name.partition(".")[0] not in OURS]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        for name in json.loads(told.read()):
            with suppress(ImportError):
                importlib.import_module(name)
    os.waitpid(child, 0)
    # Found is found: no time for the smallest example.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=phases, derandomize=True, database=None, deadline=None)
    hypothesis.settings.load_profile("mutants")
    gc.disable()
    gc.freeze()


def is_known(outcome: Outcome) -> bool:
    """Whether it is written down that the change means nothing."""
    return (outcome.of, outcome.what) in EQUIVALENT


def every_mutant(module: str) -> Iterator[Mutant]:
    """All mutants of one of our modules."""
    return mutants(module, path_of(module).read_text(encoding="utf-8"))


def run(chosen: Chosen) -> Iterator[Outcome]:
    """Judge mutants, in this process: forks of one that has threads may hang.

    Raises RuntimeError when tests fail as it is, ValueError for a reason given of a mutant that there is not.
    """
    prepare(chosen.scratch)
    for module in TESTS:
        if chosen.of in (None, module):
            yield from _run_one(module, chosen)


def _run_one(module: str, chosen: Chosen) -> Iterator[Outcome]:
    started, before = time.monotonic(), Counter[str]()
    if (told := judge(None, module, SECONDS)) is not None:
        raise RuntimeError(f"{module} itself does not pass: {told}")
    seconds = LONGER * (time.monotonic() - started)
    every = list(every_mutant(module))
    if dead := {what for of, what in EQUIVALENT if of == module} - {mutant.what for mutant in every}:
        raise ValueError(f"equivalent_python.csv tells of mutants of {module} that there are not: {dead}")
    yield from judging.judged(
        chosen,
        chosen.some(every),
        lambda mutant: ast.unparse(mutant.tree),
        lambda mutant: Outcome(module, mutant.what, judge(mutant, module, seconds, before)),
    )


if __name__ == "__main__":
    judging.main(run)
