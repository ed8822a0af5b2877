"""A hook of MkDocs: links from pages to files outside of docs lead to the repository."""

import re
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Return a page's text, with absolute links where the site has no page; MkDocs calls it for each page."""
    here = (_DOCS / page.file.src_uri).parent
    paths = {file.src_uri for file in files}

    def absolute(match: re.Match[str]) -> str:
        target = (here / match[1]).resolve()
        in_docs = target.is_relative_to(_DOCS) and target.relative_to(_DOCS).as_posix() in paths
        if in_docs or not target.exists():
            return match[0]
        path = target.relative_to(_DOCS.parent).as_posix()
        return f"]({config.repo_url}/blob/main/{path}{match[2] or ''})"

    return _LINK.sub(absolute, markdown)
