"""What MkDocs calls while it builds the site; `mkdocs.yml` names this file."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from tests.support.api_page import PUBLIC, public_names
from tests.support.site.breaks import breakable
from tests.support.site.relink import ELSEWHERE, linked_files, place_of, relinked

ROOT = Path(__file__).resolve().parents[3]
_MADE = re.compile(r"<!-- made by `make settings` -->.*?<!-- end of what is made -->", re.DOTALL)
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):<code>(?:~[\w.]*?)?(\w+|[\w.]+)</code>")
_MARK = re.compile(r"^ *<!-- test: .*?-->\n+", re.DOTALL | re.MULTILINE)
_LANGUAGES = {".py": "python", ".json": "json", ".toml": "toml", ".yml": "yaml"}


def on_files(files: Any, *, config: Any) -> Any:
    """Add the documents that lie elsewhere, and a page for each other file that one of them links to."""
    documents = [each for each in ELSEWHERE if each != "README.md"]
    documents += [f"docs/{each.src_uri}" for each in files if each.src_uri.endswith(".md")]
    wanted: set[str] = set()
    for name in documents:
        text = (ROOT / name).read_text(encoding="utf-8")
        wanted |= linked_files(text, name, ROOT)
        if name in ELSEWHERE:
            files.append(File.generated(config, place_of(name), content=relinked(text, name, ROOT)))
    for name in sorted(wanted):
        if place_of(name).startswith("source/") and (ROOT / name).exists():
            files.append(File.generated(config, place_of(name), content=_shown(name)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Put links right in the documents of `docs/`, and what docstrings say into the page of names."""
    del config, files
    if page.file.generated_by:
        return markdown
    if page.file.src_uri == "api.md":
        markdown = _MADE.sub(lambda _: _names(), markdown)
    return relinked(_MARK.sub("", markdown), f"docs/{page.file.src_uri}", ROOT)


def on_page_content(html: str, *, page: Any, config: Any, files: Any) -> str:
    """Take the roles of reStructuredText out of what docstrings say, as nothing here makes links of them, and
    let names in tables break.
    """
    del config, files
    return breakable(_ROLE.sub(r"<code>\1</code>", html) if page.file.src_uri == "api.md" else html)


def _names() -> str:
    """Have mkdocstrings show every public name, module by module."""
    parts = []
    for module, what in PUBLIC.items():
        parts.append(f"## {module}\n\n{what}\n")
        parts += [f"::: {name.place}.{name.name}\n" for name in public_names(module) if name.place]
    return "\n".join(parts)


def _shown(name: str) -> str:
    """Write the page of a file, its text, or of a folder, the names in it; the search passes over both."""
    place = ROOT / name
    names = (
        sorted(each.name for each in place.iterdir() if each.name != "__pycache__") if place.is_dir() else []
    )
    text = "\n".join(names) if names else place.read_text(encoding="utf-8")
    fence = "`" * 6
    language = _LANGUAGES.get(Path(name).suffix, "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# {name}\n\n{fence}{language}\n{text}\n{fence}\n"
