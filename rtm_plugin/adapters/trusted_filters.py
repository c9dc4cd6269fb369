"""Filters that come with a file: conditions on the features themselves, made of functions that reach nothing else.

QGIS's expressions can load layers, read the environment and files, and run Python. A filter from someone else is
therefore walked, node by node, before it is prepared, and refused when it holds anything but what is listed here.
"""

import re
from collections.abc import Iterator

from qgis.core import (
    QgsExpression,
    QgsExpressionNode,
    QgsExpressionNodeBetweenOperator,
    QgsExpressionNodeBinaryOperator,
    QgsExpressionNodeColumnRef,
    QgsExpressionNodeCondition,
    QgsExpressionNodeFunction,
    QgsExpressionNodeInOperator,
    QgsExpressionNodeLiteral,
    QgsExpressionNodeUnaryOperator,
)

from ..core.errors import InputError

LONGEST = 10_000  # characters
_DEEPEST = 1_000  # levels of a tree; QGIS evaluates it by recursion, on a thread's small stack

# They see the feature and their arguments only, and give nothing much larger than what they get: no replace, lpad,
# buffer, which can blow a few letters up to gigabytes; no rand and uuid, with which no run would be like another.
HARMLESS_FUNCTIONS = frozenset({
    "$area", "$geometry", "$id", "$length", "$perimeter", "$x", "$y", "$z", "abs", "acos", "asin", "atan",
    "atan2", "ceil", "clamp", "cos", "degrees", "exp", "floor", "ln", "log", "log10", "max", "min", "pi",
    "radians", "round", "sin", "sqrt", "tan", "age", "day", "day_of_week", "epoch", "hour", "make_date",
    "make_datetime", "make_time", "minute", "month", "now", "second", "week", "year", "to_date", "to_datetime",
    "to_time", "to_interval", "format_date", "datetime_from_epoch", "coalesce", "if", "nullif", "try", "to_int",
    "to_real", "to_string", "to_decimal", "is_empty_or_null", "ascii", "char", "concat", "left", "length",
    "levenshtein", "lower", "ltrim", "regexp_match", "regexp_substr", "right", "rtrim", "soundex", "strpos",
    "substr", "title", "trim", "upper", "array", "array_contains", "array_length", "array_first", "array_last",
    "array_get", "is_selected", "string_to_array", "area", "bounds", "centroid", "contains", "crosses", "disjoint",
    "distance", "geom_from_wkt", "geometry_type", "intersects", "intersects_bbox", "is_empty", "is_multipart",
    "is_valid",
    "make_point", "num_geometries", "num_points", "num_rings", "overlaps", "perimeter", "point_on_surface",
    "touches", "within", "x", "x_max", "x_min", "y", "y_max", "y_min", "z",
})  # fmt: skip
_HARMLESS_VARIABLES = ("geometry", "id")

_SQL_QUOTED = re.compile(  # in one go, as each may hold the signs of the others
    r"""(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])|(?P<remark>/\*.*?\*/|--[^\n]*)""",
    re.DOTALL,
)
_SQL_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_SQL_OPERATORS = frozenset({
    "and", "or", "not", "in", "like", "ilike", "is", "null", "between", "escape", "case", "when", "then",
    "else", "end", "collate",
})  # fmt: skip
_SQL_FUNCTIONS = frozenset({
    "abs", "cast", "coalesce", "date", "datetime", "ifnull", "instr", "julianday", "length", "lower", "ltrim",
    "max", "min", "nullif", "round", "rtrim", "strftime", "substr", "substring", "time", "trim", "upper",
})  # fmt: skip
_SQL_STATEMENTS = frozenset({
    "alter", "analyze", "attach", "begin", "commit", "create", "delete", "detach", "drop", "exists", "explain",
    "from", "insert", "join", "pragma", "reindex", "release", "replace", "rollback", "savepoint", "select",
    "truncate", "union", "update", "vacuum", "values", "with",
})  # fmt: skip
_SQL_REACHES_OUT = re.compile(
    r"(?i)\b(ogr_\w+|gdal_\w+|load_extension|readfile|writefile|fts3_tokenizer|eval|edit|import\w+|export\w+|"
    r"\w*(?:to|from)file|xb_\w+)[\"`\]]?\s*\("
)


def require_harmless_filter(expression: str, name: str) -> None:
    """Refuse a filter that came with a file and could reach out.

    Raises
    ------
    InputError
    """
    problem = filter_refusal(expression)
    if problem:
        raise InputError(f"The filter of '{name}' is refused, as it comes with a file: {problem}.")


def filter_refusal(expression: str) -> str:
    """What a filter holds that a file may not bring, in words; empty when it is harmless, or no expression at all.

    An expression with a mistake in it does nothing; whoever uses it says what is wrong.
    """
    if not expression.strip():
        return ""
    if len(expression) > LONGEST:
        return f"it has more than {LONGEST:,} characters; filter the layer itself instead"
    if "\0" in expression:
        return "it holds a character that is no text"
    parsed = QgsExpression(expression)
    root = parsed.rootNode()
    if parsed.hasParserError() or root is None:
        return ""
    for node, depth in _nodes(root):
        problem = _node_problem(node)
        if problem:
            return problem
        if depth > _DEEPEST:
            return f"it has more than {_DEEPEST:,} parts in a row; filter the layer itself instead"
    return ""


def _nodes(root: QgsExpressionNode) -> Iterator[tuple[QgsExpressionNode, int]]:
    """A node and all below it with their depths, without recursion: a hostile tree may be deep."""
    waiting = [(root, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in _children(node))


def _children(node: QgsExpressionNode) -> list[QgsExpressionNode]:
    if isinstance(node, QgsExpressionNodeUnaryOperator):
        return [node.operand()]
    if isinstance(node, QgsExpressionNodeBinaryOperator):
        return [node.opLeft(), node.opRight()]
    if isinstance(node, QgsExpressionNodeInOperator):
        return [node.node(), *node.list().list()]
    if isinstance(node, QgsExpressionNodeBetweenOperator):
        return [node.node(), node.lowerBound(), node.higherBound()]
    if isinstance(node, QgsExpressionNodeFunction):
        return list(node.args().list()) if node.args() is not None else []
    if isinstance(node, QgsExpressionNodeCondition):
        pairs = [part for when in node.conditions() for part in (when.whenExp(), when.thenExp())]
        return pairs + ([node.elseExp()] if node.elseExp() is not None else [])
    return []


def _node_problem(node: QgsExpressionNode) -> str:
    """Why a node is refused; one of a kind that is not known here is."""
    if isinstance(node, QgsExpressionNodeFunction):
        name = QgsExpression.Functions()[node.fnIndex()].name()
        if name == "var":
            return _variable_problem(node)
        if name not in HARMLESS_FUNCTIONS:
            return f"it calls {name}(), which is not among the functions that a filter in a file may use"
        return ""
    harmless = (
        QgsExpressionNodeUnaryOperator,
        QgsExpressionNodeBinaryOperator,
        QgsExpressionNodeInOperator,
        QgsExpressionNodeBetweenOperator,
        QgsExpressionNodeCondition,
        QgsExpressionNodeLiteral,
        QgsExpressionNodeColumnRef,
    )
    return "" if isinstance(node, harmless) else "it takes an item of a list or map by [ ], which is not allowed there"


def _variable_problem(node: QgsExpressionNodeFunction) -> str:
    """Variables tell of the user, the project and the computer; @id and @geometry are the feature's own."""
    arguments = node.args().list() if node.args() is not None else []
    name = arguments[0].value() if arguments and isinstance(arguments[0], QgsExpressionNodeLiteral) else "?"
    return "" if name in _HARMLESS_VARIABLES else f"it reads the variable @{str(name)[:60]}, which is not allowed there"


def subset_refusal(sql: str) -> str:
    """What the SQL condition in a source holds that a file may not bring; empty when it is a plain condition.

    A plain condition compares columns, texts and numbers, with AND, OR, NOT, IN, LIKE, BETWEEN, CASE and a few
    functions of one value. Whole statements, sub-selects, comments and several statements are refused.

    >>> subset_refusal("crime_type = 'robbery; DROP' AND lower(ward) IN ('a', 'b')")
    ''
    >>> subset_refusal("1 = 1; ATTACH 'x' AS y")
    "its SQL holds ';', and only a plain condition is allowed there"
    >>> subset_refusal("\"a'\" = 1 OR load_extension('x') OR \"b'\" = 1")
    'its SQL holds load_extension(), which is not allowed there'
    """
    if len(sql) > LONGEST:
        return f"its SQL has more than {LONGEST:,} characters"
    bare = _SQL_QUOTED.sub(lambda quoted: {"text": " 0 ", "name": " _column "}.get(quoted.lastgroup or "", "--"), sql)
    for sign in (";", "--", "/*", "#", "@", "\\", "$", "?", "'", '"', "`", "[", "{", "\0"):
        if sign in bare:
            return f"its SQL holds {sign!r}, and only a plain condition is allowed there"
    for match in _SQL_WORD.finditer(bare):
        word = match.group().lower()
        called = bare[match.end() :].lstrip().startswith("(") and word not in _SQL_OPERATORS
        if word in _SQL_STATEMENTS or (called and word not in _SQL_FUNCTIONS):
            return f"its SQL holds {match.group()[:60]}{'()' if called else ''}, which is not allowed there"
    return ""


def sql_refusal(sql: str) -> str:
    """The function in the definition of a view or table that can reach out of a database; empty without one."""
    bare = _SQL_QUOTED.sub(lambda quoted: quoted.group() if quoted.lastgroup == "name" else " ", sql)
    function = _SQL_REACHES_OUT.search(bare)
    return f"{function.group(1)[:60]}()" if function else ""
