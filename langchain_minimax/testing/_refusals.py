"""What is wrong with a request in, MiniMax's 400 (2013) for it out."""

from typing import Any

from langchain_minimax.testing._faults import Fault

EMPTY = "chat content is empty"


def bad(words: str) -> Fault:
    """The 2013 that says so."""
    return Fault.error(2013, words)


def mismatch(wanted: str, value: Any) -> Fault:
    """The 2013 for a value of another type than the schema's."""
    # Seen for `thinking: true`; the names of the Go types are ours.
    return bad(f"Mismatch type {wanted} with value {type(value).__name__}")


def missing(field: str) -> Fault:
    """The 2013 for a field that must be there."""
    return bad(f"binding: expr_path={field}, cause=missing required parameter")


def unsupported(path: str, kind: Any) -> Fault:
    """The 400 for a block that the official schema does not have there."""
    # The official example; the live server may well frame it as a 2013.
    return Fault(400, message=f"{path}: unsupported content type '{kind}'")
