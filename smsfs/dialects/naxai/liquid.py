"""Texts made from a template and the cells of a row, in a bounded part of Liquid.

A template is written by whoever sets up an account and runs for every row of every file, so it must not
be able to stop the reader: only tags and filters that read nothing but the row, ranges written out and
short, and a budget of work for each text, which every look-up, loop, filter and piece of output is charged
to before or as soon as its size is known. There is no clock in it but the time that it is handed, and no
other template.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO
from math import isfinite
from operator import itemgetter
from typing import Any

from liquid import BoundTemplate, Environment, RenderContext, StrictUndefined
from liquid.ast import Node
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.exceptions import FilterArgumentError, LiquidError, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression
from liquid.filter import with_context
from liquid.static_analysis import Variable
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap

from smsfs.dialects.naxai.liquid_dates import formatted, moment
from smsfs.dialects.naxai.liquid_filters import MATHS, OWN, number_of
from smsfs.sms.quoting import quoted

MAX_TEMPLATE = 4000
MAX_RANGE = 100
#: Units for one text: one for each step and each character that a step handles. The longest text of 255
#: SMS takes some 160,000 with a filter; using all of it takes less than 0.1 s.
WORK = 200_000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS = _words(
    "if unless case for break continue assign capture cycle increment decrement echo liquid ifchanged "
    "comment doc # content output illegal tablerow"
)
#: All of Liquid: none of them reads anything but its input.
FILTERS = MATHS | _words(
    "append base64_decode base64_encode base64_url_safe_decode base64_url_safe_encode capitalize compact "
    "concat date default downcase escape escape_once find find_index first h has join last lstrip map "
    "newline_to_br prepend reject remove remove_first remove_last replace replace_first replace_last "
    "reverse rstrip size slice sort sort_natural split squish strip strip_html strip_newlines sum truncate "
    "truncatewords uniq upcase url_decode url_encode where"
)
#: Words that an expression does not take for a column.
_KEYWORDS = _words(
    "true false nil null empty blank and or not contains in if else for with as cols limit offset continue "
    "reversed required row"
)
#: What the library's reader of templates would look through again and again.
_blank_run = re.compile(r"\s{100}").search
_opening = re.compile(r"\{[{%]").search
_field = re.compile(r"\{\{\s*(?:row\.)?([^\W\d]\w*)\s*\}\}").match
_TOO_MUCH = "the text takes too much work: a loop runs too often or a text grows too long"

Render = Callable[[Sequence[str]], str]


class TemplateError(ValueError):
    """A template that cannot be used; the text is a clause with its line and column."""


class RenderError(ValueError):
    """A row from which the template makes no text; the text is a clause."""


class TooMuchWork(RenderError):
    """The template does not come to an end, or its text grows beyond any message."""


class Template:
    """A template that has been read and checked.

    Args:
        source: ``{{ column }}`` and ``{{ row.column }}`` stand for cells; tags and filters as in Liquid.

    Raises:
        TemplateError: it is no Liquid, or more than the bounded part of it.
    """

    def __init__(self, source: str) -> None:
        _check_form(source)
        self._source = source
        self._pieces = _pieces(source)
        self._bound = _parsed(source)
        self._fields = list(self._checked())

    @property
    def columns(self) -> list[str]:
        """The columns that it names, in order, each once; those named by another cell are unknown here."""
        return list(dict.fromkeys(name for name, _ in self._fields))

    def check(self, columns: Collection[str]) -> None:
        """Check that every column it names is one of these.

        Raises:
            TemplateError: one is not; the clause says where it stands and which there are.
        """
        for name, index in self._fields:
            if name not in columns:
                known = ", ".join(columns)
                where = _position(self._source, index)
                raise TemplateError(f"{where}: there is no column {quoted(name)}; there are {known}"[:400])

    def renderer(self, columns: Sequence[str], now: datetime | None = None) -> Render:
        """A function from the cells of a row to its text.

        It raises RenderError for a row from which no text can be made.

        Args:
            columns: the names of the cells, in their order.
            now: what the dates "now" and "today" are, with the time zone of dates that have none; else UTC.

        Raises:
            TemplateError: the template names another column.
        """
        self.check(columns)
        if self._pieces is not None:
            return _joined(self._pieces, columns)
        return lambda cells: self.render(dict(zip(columns, cells, strict=True)), now)

    def render(self, cells: Mapping[str, str], now: datetime | None = None) -> str:
        """The text of one row, by the name of each cell, at a time as for ``renderer``.

        Raises:
            RenderError: there is none.
        """
        context = _Context(self._bound, globals={**cells, "row": cells})
        context.round, context.now = len(self._source), now
        output = _Output(context)
        try:
            self._bound.render_with_context(context, output)
        except ResourceLimitError as error:
            raise TooMuchWork(_clause(error)) from None
        except LiquidError as error:
            raise RenderError(_clause(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever a template provokes is the row's fault
            raise RenderError(f"the template fails: {error}"[:200]) from None
        return output.getvalue()

    def _checked(self) -> Iterator[tuple[str, int]]:
        """The columns that are named, with their offset in the template."""
        try:
            analysis = self._bound.analyze(include_partials=False)
            ranges = list(_ranges(self._bound.nodes, RenderContext(self._bound)))
        except (LiquidError, RecursionError):
            raise TemplateError("it is nested too deeply") from None
        for name, spans in analysis.filters.items():
            if name not in FILTERS:
                known = ", ".join(sorted(FILTERS))
                where = _position(self._source, spans[0].index)
                raise TemplateError(f"{where}: there is no filter {quoted(name)}; there are {known}")
        for literal in ranges:
            _check_range(self._source, literal)
        for variables in analysis.globals.values():
            for variable in variables:
                yield from self._field(variable)

    def _field(self, variable: Variable) -> Iterator[tuple[str, int]]:
        path, index = list(variable.segments), variable.span.index
        if path[0] == "row":
            path = path[1:]
            if not path:
                where = _position(self._source, index)
                raise TemplateError(
                    f"{where}: row is all cells together; name one, such as {{{{ row.name }}}}"
                )
        if isinstance(path[0], str):
            yield path[0], index


class _Context(RenderContext):
    """The names a template sees, and how much work it may still do."""

    __slots__ = ("left", "now", "round")

    def __init__(self, template: BoundTemplate, **options: Any) -> None:
        super().__init__(template, **options)
        self.left = WORK
        self.round = 0
        self.now: datetime | None = None
        # Without the library's now and today: the same row gives the same text when it is read again.
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)

    def charge(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise ResourceLimitError(_TOO_MUCH, token=None)

    def get(self, path: list[object], **options: Any) -> object:
        value = super().get(path, **options)
        self.charge(1 + _size(value))
        return value

    def assign(self, key: str, val: Any) -> None:
        self.charge(1 + _size(val))
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.charge(length * self.round)  # no body of a loop is longer than its template

    def get_buffer(self, buf: object = None) -> StringIO:
        del buf  # all buffers of a text are charged to one budget
        return _Output(self)


class _Output(StringIO):
    """What a template has written so far; line ends stay as they are."""

    def __init__(self, context: _Context) -> None:
        super().__init__()
        self._context = context

    def write(self, text: str, /) -> int:
        self._context.charge(1 + len(text))
        return super().write(text)


class _Environment(Environment):
    """The library's settings, with a place for every error."""

    def error(self, exc: Any, msg: str | None = None, token: Token | None = None) -> None:
        if isinstance(exc, LiquidError) and exc.token and exc.token.start_index < 0:
            exc.token = None  # the end of an expression, which has no place: that of the expression is given
        super().error(exc, msg, token)


class _Bound(BoundTemplate):
    """A template whose row may have a column named ``partial``, a name the library keeps for itself."""

    def make_partial_namespace(self, partial: bool, render_args: Mapping[str, object]) -> dict[str, object]:  # noqa: FBT001 - the library's signature
        del partial
        return dict(render_args)


def _size(value: object) -> int:
    """About how many characters or bytes a value has."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (list, tuple)):
        return len(value) + sum(map(_size, value))
    if isinstance(value, range):
        return max(0, value.stop - value.start)
    return value.bit_length() // 8 if isinstance(value, int) else 1


def _growth(name: str, value: object, arguments: Sequence[object]) -> int:
    """What a filter makes of its input, where that can be far more than went in."""
    if name == "replace" and arguments:
        return str(value).count(str(arguments[0])) * sum(map(_size, arguments[1:]))
    if name == "strip_html":
        return str(value).count("<") * len(str(value)) * 2
    if name == "join" and isinstance(value, (list, tuple)):
        return len(value) * sum(map(_size, arguments))
    return 0


def _bounded(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of the library that is charged for what goes in and comes out."""
    wants_environment = getattr(call, "with_environment", False)
    wants_context = name == "date" or getattr(call, "with_context", False)
    is_maths = name in MATHS

    def bounded(value: object, *arguments: object, context: _Context, **options: object) -> object:
        context.charge(1 + _size(value) + sum(map(_size, arguments)))
        context.charge(_growth(name, value, arguments))
        if wants_environment:
            options["environment"] = context.env
        if wants_context:
            options["context"] = context
        if is_maths:
            value, arguments = number_of(value), tuple(map(number_of, arguments))
        try:
            result = call(value, *arguments, **options)
        except (ValueError, ArithmeticError) as error:
            raise FilterArgumentError(f"{name}: {error}", token=None) from None
        if isinstance(result, float) and not isfinite(result):
            raise FilterArgumentError(f"{name}: the number is too large", token=None)
        context.charge(_size(result))
        return result

    return with_context(bounded)


def _date(value: object, form: object = "%Y-%m-%d", *, context: _Context) -> str:
    """A date in another form; the day comes before the month, as in the reference implementation.

    What is no date is refused, where that would leave it as it is: a wrong day is worse than no message.
    """
    text, now = str(value).strip(), context.now
    if not text or not str(form):
        return text
    return formatted(moment(text, now, (now and now.tzinfo) or UTC), str(form))


def _environment() -> _Environment:
    environment = _Environment(undefined=StrictUndefined)
    environment.template_class = _Bound
    environment.tags = {name: tag for name, tag in environment.tags.items() if name in _TAGS}
    known = {**environment.filters, **OWN, "date": _date}
    environment.filters = {name: _bounded(name, known[name]) for name in FILTERS}
    return environment


_ENVIRONMENT = _environment()


def _check_form(source: str) -> None:
    """Refuse what would take the library long to read only to refuse it then."""
    if len(source) > MAX_TEMPLATE:
        raise TemplateError(f"it has {len(source):,} characters; at most {MAX_TEMPLATE:,} are allowed")
    if any("\ud800" <= c <= "\udfff" for c in source):
        raise TemplateError("it holds bytes that are no UTF-8")
    if found := _blank_run(source):
        raise TemplateError(f"{_position(source, found.start())}: over 100 spaces or line ends in a row")
    for opening, closing in (("{{", "}}"), ("{%", "%}")):
        start = source.find(opening, source.rfind(closing) + 1)
        if start >= 0:
            raise TemplateError(f"{_position(source, start)}: {opening} is not closed by {closing}")


def _parsed(source: str) -> BoundTemplate:
    try:
        return _ENVIRONMENT.from_string(source)
    except LiquidError as error:
        if error.token is None and not isinstance(error, (LiquidSyntaxError, ResourceLimitError)):
            raise TemplateError("it is nested too deeply") from None
        clause = _clause(error)
        raise TemplateError(
            clause if clause[:4] == "line" else f"{_position(source, len(source))}: {clause}"
        ) from None


def _clause(error: LiquidError) -> str:
    """The library's complaint in one line, with its place."""
    message = str(error.message).replace("\n", " ")[:200]
    if error.token is None or error.token.start_index < 0:
        return message
    return f"{_position(error.token.source, error.token.start_index)}: {message}"


def _position(source: str, index: int) -> str:
    before = source[:index]
    return f"line {before.count(chr(10)) + 1}, column {index - before.rfind(chr(10))}"


def _ranges(nodes: Collection[Node], context: RenderContext) -> Iterator[RangeLiteral]:
    """The ranges written anywhere in a template."""
    for node in nodes:
        for expression in node.expressions():
            yield from _ranges_in(expression)
        yield from _ranges(list(node.children(context, include_partials=False)), context)


def _ranges_in(expression: Expression) -> Iterator[RangeLiteral]:
    if isinstance(expression, RangeLiteral):
        yield expression
    for child in expression.children():
        yield from _ranges_in(child)


def _check_range(source: str, literal: RangeLiteral) -> None:
    """Refuse a range before the library could count it out."""
    start, stop = literal.start, literal.stop
    if isinstance(start, IntegerLiteral) and isinstance(stop, IntegerLiteral):
        if stop.value - start.value < MAX_RANGE:
            return
        problem = f"the range {literal} is over {MAX_RANGE} steps"
    else:
        problem = f"the ends of the range {literal} must be written as numbers"
    raise TemplateError(f"{_position(source, literal.token.start_index)}: {problem}")


def _pieces(source: str) -> list[str] | None:
    """Texts and names of columns in turn, if a template is nothing else."""
    pieces: list[str] = []
    end = 0
    while start := _opening(source, end):
        field = _field(source, start.start())
        if not field or field[1] in _KEYWORDS:
            return None
        pieces += source[end : field.start()], field[1]
        end = field.end()
    return [*pieces, source[end:]]


def _joined(pieces: list[str], columns: Sequence[str]) -> Render:
    """What the library would make of such a template, some ten times as fast."""
    texts = pieces[::2]
    places = [columns.index(name) for name in pieces[1::2]]
    if not places:
        return lambda _: texts[0]
    form = "%s".join(text.replace("%", "%%") for text in texts)
    pick = itemgetter(*places)

    def render(cells: Sequence[str]) -> str:
        text: str = form % pick(cells)
        if len(text) > WORK:
            raise TooMuchWork(_TOO_MUCH)
        return text

    return render
