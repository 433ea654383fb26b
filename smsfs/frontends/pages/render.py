"""HTML from templates, in which every value is escaped."""

from importlib import resources
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

_environment = Environment(
    loader=PackageLoader("smsfs.frontends.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
STYLE = resources.files("smsfs.frontends.pages").joinpath("style.css").read_text(encoding="utf-8")


def page(template: str, status: int = 200, **values: Any) -> web.Response:
    """A page; ``who`` and ``token`` among its values where somebody is logged in."""
    known = {"who": None, "token": ""} | values
    text = _environment.get_template(f"{template}.html").render(known)
    return web.Response(text=str(text), status=status, content_type="text/html")
