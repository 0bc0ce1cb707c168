"""A request in, a reply out: the same conversation always gets the same reply.

It answers, calls the offered tools that fit the question, and reads their results, so
that agents run. It understands words only so far as they are the same words.
"""

import json
import re
from collections.abc import Iterator

from langchain_minimax.testing._arguments import CJK, arguments, quoted
from langchain_minimax.testing._conversation import blocks_of, text_of
from langchain_minimax.testing._models import thinks
from langchain_minimax.testing._replies import (
    Block,
    Json,
    Reply,
    Text,
    Thinking,
    ToolUse,
)

# Words that say nothing about what a tool is for.
_EMPTY = set(
    """
    about all and any are ask call calls can could current data does for from function
    get gets give given has have her his how into its let look make may need not now one
    out please return returns run say set she should some tell text than that the their
    them then there this tool tools use used user using value want was what when where
    which who will with would you your
    """.split()  # noqa: SIM905 - a list of words, not of lines
)


def think_up(body: Json) -> Reply:
    """The reply to a (valid) request."""
    question, since = _last_question(body["messages"])
    called = {b["id"]: b["name"] for b in since if b["type"] == "tool_use"}
    results = [b for b in since if b["type"] == "tool_result"]
    tools = _fitting_tools(body, question, set(called.values()))
    blocks: list[Block]
    if tools:
        blocks = [
            ToolUse(t["name"], arguments(t["input_schema"], question)) for t in tools
        ]
        plan = "I should call " + " and ".join(tool["name"] for tool in tools) + "."
        if (body.get("tool_choice") or {}).get("type") == "tool":
            # As recorded on 2026-09-29: a named choice gets prose first.
            blocks.insert(0, Text(f"I'll use {tools[0]['name']} for that."))
    elif results:
        found = [f"{called[b['tool_use_id']]}: {text_of(b)}" for b in results]
        blocks = [Text("Here is what I found. " + "\n".join(found))]
        plan = "The results are here. I can answer."
    else:
        blocks = [Text(_answer(body, question))]
        plan = "I can answer that directly."
    if thinks(body):
        said = f'The user says "{_beginning(question)}". {plan}'
        blocks.insert(0, Thinking(said))
    return Reply(blocks)


def _last_question(turns: list[Json]) -> tuple[str, list[Json]]:
    """The human's last words, and all blocks that came after them."""
    human = [i for i, turn in enumerate(turns) if turn["role"] != "assistant"]
    asked = [i for i in human if text_of(turns[i]).strip()]
    last = asked[-1] if asked else -1
    since = [block for turn in turns[last + 1 :] for block in blocks_of(turn)]
    return text_of(turns[last]) if asked else "", since


def _fitting_tools(body: Json, question: str, called: set[str]) -> list[Json]:
    """The tools to call now, the best first."""
    choice = body.get("tool_choice") or {}
    forced = choice.get("type") in ("any", "tool")
    offered = [t for t in body.get("tools") or () if "input_schema" in t]
    fresh = [tool for tool in offered if tool["name"] not in called]
    if choice.get("type") == "none" or (called and not forced):
        return []
    if choice.get("type") == "tool":
        return [tool for tool in fresh if tool["name"] == choice.get("name")]
    words = _words(question)
    ranked = sorted(fresh, key=lambda tool: -_score(tool, question, words))
    wanted = forced or re.search(r"\btools?\b", question, re.IGNORECASE)
    if not ranked or not (wanted or _score(ranked[0], question, words)):
        return []
    best, *others = ranked
    return [best, *_also_meant(best, others, words)]


def _score(tool: Json, question: str, words: set[str]) -> int:
    named = re.search(rf"\b{re.escape(tool['name'])}\b", question) is not None
    told = _words(tool.get("description") or "")
    return 9 * named + 2 * len(_words(tool["name"]) & words) + len(told & words)


def _also_meant(best: Json, others: list[Json], words: set[str]) -> Iterator[Json]:
    """The tools whose names have a word of the question that no better one has."""
    covered = _words(best["name"])
    for tool in others:
        own = _words(tool["name"]) & words
        if own - covered:
            covered |= own
            yield tool


def _words(text: str) -> set[str]:
    """The telling words of a text; pairs of signs where words are not spaced."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()
    signs = re.findall(CJK, text)
    pairs = {run[at : at + 2] for run in signs for at in range(len(run) - 1)}
    return (set(re.findall(r"[a-z]{3,}", spaced)) - _EMPTY) | pairs


def _answer(body: Json, question: str) -> str:
    if schema := _asked_schema(text_of({"content": body.get("system")}) + question):
        return json.dumps(arguments(schema, question), ensure_ascii=False)
    if re.search(r"\bjson\b", question, re.IGNORECASE) and (keys := quoted(question)):
        return json.dumps(dict.fromkeys(keys, _beginning(question)), ensure_ascii=False)
    if not question:
        return "I have seen what you sent."
    return f'You said "{_beginning(question)}". This is the emulated MiniMax.'


def _asked_schema(text: str) -> Json | None:
    """The last JSON schema of an object that the text spells out."""
    schema, at = None, text.find("{")
    while at >= 0:
        try:
            found, end = json.JSONDecoder().raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            schema = found if "properties" in found else schema
        at = text.find("{", end)
    return schema


def _beginning(text: str) -> str:
    words = text.split()
    return " ".join(words[:12]) + (" …" if len(words) > 12 else "")  # noqa: PLR2004
