"""A model's Markdown in, HTML out that has no tag of the model's own.

A style, a class or a form in an answer could cover the page with another one, so raw
HTML is shown as the text it is.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_SPANS = HtmlFormatter(nowrap=True)


def _colour(code: str, language: str, _: str) -> str:
    """Marks up the words of a fenced block; an empty text leaves them plain."""
    try:
        return highlight(code, get_lexer_by_name(language, stripnl=False), _SPANS)
    except ClassNotFound:
        return ""


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "highlight": _colour}).enable(
    ["table", "strikethrough"]
)


def to_html(markdown: str) -> str:
    """Renders an answer."""
    return _MARKDOWN.render(markdown)


def colours() -> str:
    """The style sheet of code in an answer, for a light page and a dark one."""
    return "\n".join(
        HtmlFormatter(nobackground=True, style=style).get_style_defs(selector)
        for style, selector in (
            ("default", ".answer pre"),
            ("github-dark", ".body--dark .answer pre"),
        )
    )
