"""The OpenAPI document as a page to read: plain HTML, made of the document itself, without script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template
from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape

_HERE = Path(__file__).parent
_METHODS = ("get", "post", "put", "patch", "delete")
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "boolean": "yes or no",
    "object": "object",
    "array": "list",
}

Document = Mapping[str, Any]


def blueprint(document: Callable[[], Document], *, prefix: str) -> Blueprint:
    """`PREFIX/docs`, of what `document` answers."""
    bp = Blueprint(
        "api_docs", __name__, url_prefix=f"{prefix}/docs", template_folder=str(_HERE / "templates")
    )
    bp.add_app_template_filter(coded, "coded")

    @bp.get("")
    def show() -> ResponseReturnValue:
        found = document()
        return make_response(
            render_template(
                "api_docs.html", info=found["info"], sections=list(sections(found)), prefix=prefix
            )
        )

    @bp.get("/docs.css")
    def style() -> Response:
        return Response((_HERE / "static" / "docs.css").read_bytes(), mimetype="text/css")

    return bp


def coded(text: str) -> Markup:
    """What stands between backticks as code, all escaped."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


def sections(document: Document) -> Iterator[dict[str, Any]]:
    """A section for each tag, its operations in the document's order."""
    operations = list(_operations(document))
    for tag in document.get("tags", []):
        its = [each for each in operations if tag["name"] in each["tags"]]
        yield {"name": tag["name"], "description": tag.get("description", ""), "operations": its}


def _operations(document: Document) -> Iterator[dict[str, Any]]:
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in _METHODS:
            if method in item:
                yield _operation(document, path, method, item[method], shared)


def _operation(
    document: Document, path: str, method: str, given: Mapping[str, Any], shared: list[Any]
) -> dict[str, Any]:
    parameters = [_resolved(document, it) for it in (*shared, *given.get("parameters", []))]
    body = given.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "id": given["operationId"],
        "tags": given.get("tags", []),
        "path": path,
        "method": method.upper(),
        "summary": given.get("summary", ""),
        "description": given.get("description", ""),
        "parameters": [
            _field(it["name"], it.get("schema", {}), is_required=it.get("required", False), where=it["in"])
            | {"description": it.get("description", "")}
            for it in parameters
        ],
        "fields": list(_fields(document, body)) if body else [],
        "responses": [
            _response(document, str(status), given["responses"][status])
            for status in sorted(given["responses"], key=str)
        ],
    }


def _response(document: Document, status: str, given: Mapping[str, Any]) -> dict[str, Any]:
    found = _resolved(document, given)
    schema = found.get("content", {}).get("application/json", {}).get("schema")
    return {
        "status": status,
        "description": found.get("description", ""),
        "headers": [
            {"name": name, "description": it.get("description", "")}
            for name, it in found.get("headers", {}).items()
        ],
        "fields": list(_fields(document, schema)) if schema else [],
    }


def _fields(document: Document, schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    found = _resolved(document, schema)
    required = found.get("required", [])
    for name, each in found.get("properties", {}).items():
        yield _field(name, _resolved(document, each), is_required=name in required)
        inner = each.get("items", each)
        if "$ref" in inner:
            for field in _fields(document, inner):
                yield field | {"name": f"{name}{'[]' if 'items' in each else ''}.{field['name']}"}


def _field(name: str, schema: Mapping[str, Any], *, is_required: bool, where: str = "") -> dict[str, Any]:
    kinds = schema.get("type", "")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    notes = [f"one of {', '.join(schema['enum'])}"] if "enum" in schema else []
    if "maxLength" in schema:
        notes.append(f"at most {schema['maxLength']} characters")
    return {
        "name": name,
        "where": where,
        "kind": " or ".join(_TYPES.get(kind, kind) for kind in kinds if kind != "null"),
        "is_required": is_required,
        "description": schema.get("description", ""),
        "notes": "; ".join(notes),
    }


def _resolved(document: Document, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` of this document stands for (RFC 6901, without escapes: no name here needs one)."""
    if "$ref" not in given:
        return given
    found: Any = document
    for step in given["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{name: value for name, value in given.items() if name != "$ref"}}
