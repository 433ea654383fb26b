"""TOML to records: what is wrong is said in one sentence, which names the key."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from math import isfinite
from typing import Any, TypeVar, get_args

from attrs import fields, has
from cattrs import ClassValidationError, Converter, IterableValidationError
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

from smsfs.backends.options import SECTIONS, BackendConfig, section_of
from smsfs.errors import ConfigurationError
from smsfs.secret import Secret

Record = TypeVar("Record")

KINDS = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def structured(values: Mapping[str, Any], record: type[Record], source: str) -> Record:
    """Records from plain values.

    Args:
        values: as they stand in the file.
        record: an attrs class, with more of them inside.
        source: names the values in an error.

    Raises:
        ConfigurationError: an unknown key or a wrong value.
    """
    try:
        return _converter().structure(values, record)
    except (ClassValidationError, IterableValidationError) as exc:
        raise ConfigurationError(f"{source}: {'; '.join(_sentences(exc, ''))}.") from None


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly)
    converter.register_structure_hook(float, lambda value, _: float(_exactly(value, (int, float))))
    converter.register_structure_hook_func(lambda kind: kind in (list[str], list[int]), _list)
    converter.register_structure_hook(Secret, _secret)
    converter.register_structure_hook_factory(has, partial(_record, converter))
    converter.register_structure_hook_func(
        lambda kind: kind is BackendConfig,
        lambda value, _: converter.structure(value, _kind(_exactly(value, dict))),
    )
    return converter


def _record(converter: Converter, record: type[Any]) -> Callable[[Any, Any], Any]:
    """How a table becomes such a record: the code for it is made for the sections that there are."""
    hook = make_dict_structure_fn(record, converter, _cattrs_forbid_extra_keys=True)
    return lambda value, record: hook(_exactly(value, dict), record)


def _kind(value: dict[str, Any]) -> type[BackendConfig]:
    """Which kind of backend a table describes.

    Raises:
        ValueError: none that there is.
    """
    if "type" not in value:
        raise ValueError(f"it lacks the key 'type' ({', '.join(SECTIONS)})")
    if value["type"] not in SECTIONS:
        raise ValueError(f"type {value['type']!r} is none of {', '.join(map(repr, SECTIONS))}")
    return section_of(value["type"])


def _list(value: Any, kind: Any) -> list[Any]:
    return [_exactly(item, get_args(kind)[0]) for item in _exactly(value, list)]


def _secret(value: Any, _: Any) -> Secret:
    """A secret is not shown, not even a wrong one."""
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("it is not a string of one line")
    return Secret(value)


def _exactly(value: Any, kind: Any) -> Any:
    """TOML has types; a string where a number belongs is an error, not a number."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise ValueError(f"{value!r} is not {KINDS[kinds[-1]]}")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    if isinstance(value, (int, float)) and value < 0:
        raise ValueError(f"{value!r} is less than 0")
    return value


def _sentences(exc: BaseException, where: str) -> list[str]:
    """What is wrong and where, from the tree of a failed structuring."""
    if isinstance(exc, ForbiddenExtraKeysError):
        known = ", ".join(attribute.name for attribute in fields(exc.cl))
        return [
            f"{where or 'top level'} has no key {key!r} (it has {known})" for key in sorted(exc.extra_fields)
        ]
    if isinstance(exc, KeyError):
        return [f"{where.rpartition('.')[0]} lacks the key {exc.args[0]!r}"]
    if isinstance(exc, AttributeError):  # of what should have been a table of tables
        return [f"{where} is not a table"]
    if not isinstance(exc, (ClassValidationError, IterableValidationError)):
        literal = re.fullmatch(r"(.*) not in literal typing.Literal\[(.*)\]", str(exc))
        return [f"{where}: {literal[1]!r} is none of {literal[2]}" if literal else f"{where}: {exc}"]
    found = []
    for inner in exc.exceptions:
        notes = [
            str(getattr(note, "name", getattr(note, "index", ""))) for note in getattr(inner, "__notes__", [])
        ]
        found += _sentences(inner, ".".join([part for part in (where, *notes) if part]))
    return found
