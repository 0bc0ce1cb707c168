from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import pytest

from langchain_minimax._blocks import (
    ChatRequest,
    Conversation,
    JsonAnswer,
    Text,
    Tool,
    ToolChoice,
    Turn,
)
from langchain_minimax._langchain.options import ALIASES, Options, warn_unknown
from langchain_minimax.errors import MiniMaxInvalidRequestError

M2 = "MiniMax-M2.7"
M3 = "MiniMax-M3"
FLASH = "MiniMax-M3.1-Flash"
OTHER = "house-model"

THINK = {"type": "adaptive"}
STOP_THINKING = {"type": "disabled"}
CLAUDES = {"type": "enabled", "budget_tokens": 2000}
HELLO = Conversation((), (Turn("user", (Text("Hi"),)),))
TIDE = {"name": "tide", "input_schema": {"type": "object", "properties": {}}}
JSON = {"type": "json_object"}


def refuse(_: dict[str, Any]) -> str:
    """A check that nothing passes."""
    return "It will not do."


def request(options: Options, *, official: bool = True) -> ChatRequest:
    return options.request(HELLO, stream=False, official=official)


def warned(options: Options, *, official: bool = True) -> tuple[ChatRequest, list[str]]:
    """The request, and what was said while it was written."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        written = request(options, official=official)
    return written, [str(each.message) for each in said]


# --- What the call says wins over the field ------------------------------------------


@pytest.mark.parametrize(
    ("field", "called"),
    [
        ({"model": M3}, {"model": M2}),
        ({"max_tokens": 10}, {"max_tokens": 20}),
        ({"temperature": 0.5}, {"temperature": 0.0}),
        ({"top_p": 0.5}, {"top_p": 0.0}),
        ({"thinking": True}, {"thinking": False}),
        ({"effort": "low"}, {"effort": "max"}),
        ({"service_tier": "standard"}, {"service_tier": "priority"}),
        ({"user_id": "me"}, {"user_id": "you"}),
        ({"stream_usage": True}, {"stream_usage": False}),
        ({"stop": ["A"]}, {"stop": ["B"]}),
        ({"parallel_tool_calls": True}, {"parallel_tool_calls": False}),
        ({"response_format": {"type": "text"}}, {"response_format": JSON}),
        ({"validator": None}, {"validator": refuse}),
        ({"temperature": 0.5}, {"temperature": None}),
    ],
    ids=lambda value: "-".join(f"{key}={it}" for key, it in value.items()),
)
def test_the_call_wins_over_the_field(
    field: dict[str, Any], called: dict[str, Any]
) -> None:
    options = Options(**{"model": M3, **field})
    assert options.called_with(None, called) == Options(
        **{"model": M3, "model_kwargs": {}, **field, **called}
    )


def test_a_call_that_says_nothing_leaves_the_fields() -> None:
    options = Options(model=M3, temperature=0.5, stop=["A"], model_kwargs={"top_k": 5})
    assert options.called_with(None, {}) == options


@pytest.mark.parametrize(
    ("alias", "name", "value"),
    [
        ("model_name", "model", M2),
        ("max_completion_tokens", "max_tokens", 20),
        ("reasoning_effort", "effort", "low"),
        ("stop_sequences", "stop", ["B"]),
    ],
)
def test_other_spellings_mean_the_same(alias: str, name: str, value: Any) -> None:
    assert ALIASES[alias] == name
    options = Options(model=M3, max_tokens=10, stop=["A"])
    by_alias = options.called_with(None, {alias: value})
    assert by_alias == options.called_with(None, {name: value})
    assert getattr(by_alias, name) == value


@pytest.mark.parametrize(
    ("field", "argument", "said", "sequences"),
    [
        (["A"], None, {}, ("A",)),
        (["A"], ["B", "C"], {}, ("B", "C")),
        (["A"], [], {}, ()),
        (["A"], None, {"stop": []}, ()),
        (["A"], None, {"stop_sequences": None}, ()),
        (["A"], ["B"], {"stop_sequences": ["C"]}, ("B",)),
        ("A", None, {}, ("A",)),
        (["", "A"], None, {}, ("A",)),
        ("", None, {}, ()),
        (None, None, {}, ()),
    ],
)
def test_a_call_can_replace_the_stop_sequences_and_clear_them(
    field: Any, argument: Any, said: dict[str, Any], sequences: tuple[str, ...]
) -> None:
    options = Options(model=M3, stop=field).called_with(argument, said)
    assert options.stop_sequences() == sequences


def test_unknown_arguments_of_a_call_go_into_the_body_beside_the_fields() -> None:
    fields = {"top_k": 5, "seed": 1}
    options = Options(model=M3, model_kwargs=fields)
    called = options.called_with(None, {"seed": 2, "metadata": {"user_id": "me"}})
    assert request(called).extra == {
        "top_k": 5,
        "seed": 2,
        "metadata": {"user_id": "me"},
    }
    assert fields == {"top_k": 5, "seed": 1}


def test_model_kwargs_of_a_call_go_into_the_body_one_by_one() -> None:
    options = Options(model=M3, model_kwargs={"top_k": 5})
    called = options.called_with(None, {"model_kwargs": {"seed": 2}})
    body = dict(called.model_kwargs or {})
    assert body.pop("seed", None) == 2
    assert body.keys() <= {"top_k"}


# --- The request ---------------------------------------------------------------------


def test_a_request_says_what_was_asked_and_no_more() -> None:
    assert request(Options(model=OTHER)) == ChatRequest(
        model=OTHER,
        conversation=HELLO,
        max_tokens=65_536,
        stream=False,
    )


def test_usage_is_streamed_unless_told_otherwise() -> None:
    assert Options(model=M3).stream_usage


def test_a_request_carries_every_option() -> None:
    options = Options(
        model=FLASH,
        max_tokens=10,
        temperature=0.5,
        top_p=0.9,
        thinking=True,
        effort="low",
        service_tier="priority",
        user_id="me",
        tools=[TIDE],
        tool_choice="tide",
        parallel_tool_calls=False,
        response_format=JSON,
        validator=refuse,
        model_kwargs={"top_k": 5},
    )
    assert options.request(HELLO, stream=True, official=True) == ChatRequest(
        model=FLASH,
        conversation=HELLO,
        max_tokens=10,
        stream=True,
        tools=(Tool("tide", None, TIDE["input_schema"]),),
        tool_choice=ToolChoice("tool", "tide", refuse),
        parallel_tool_calls=False,
        answer=JsonAnswer(None, refuse),
        temperature=0.5,
        top_p=0.9,
        thinking=THINK,
        effort="low",
        service_tier="priority",
        user_id="me",
        extra={"top_k": 5},
    )


@pytest.mark.parametrize("tools", [(), [], None])
def test_without_tools_there_is_nothing_to_choose(tools: Any) -> None:
    written = request(Options(model=M3, tools=tools, tool_choice=None))
    assert (written.tools, written.tool_choice) == ((), None)
    with pytest.raises(MiniMaxInvalidRequestError, match="none is bound"):
        request(Options(model=M3, tools=tools, tool_choice="any"))


@pytest.mark.parametrize("choice", ["any", "required", True, "tide"])
def test_a_choice_is_forced_without_a_word(choice: Any) -> None:
    written, said = warned(Options(model=M3, tools=[TIDE], tool_choice=choice))
    assert written.tool_choice is not None
    assert written.tool_choice.is_forced
    assert said == []


@pytest.mark.parametrize(
    ("asked", "many"), [(None, True), (True, True), (False, False)]
)
def test_one_call_is_enough_only_where_it_was_said(asked: Any, many: bool) -> None:
    options = Options(model=M3, tools=[TIDE], parallel_tool_calls=asked)
    assert request(options).parallel_tool_calls is many


@pytest.mark.parametrize("given", ["json", {"type": "xml"}, {}], ids=repr)
def test_a_response_format_that_there_is_not_is_refused(given: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="no response format"):
        request(Options(model=M3, response_format=given))


# --- max_tokens ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        (M3, None, 131_072),
        (M3, 1, 1),
        (M3, 524_288, 524_288),
        (M2, None, 65_536),
        (M2, 204_800, 204_800),
        (FLASH, None, 131_072),
        ("minimax/minimax-m2.1", None, 65_536),
        (OTHER, None, 65_536),
        (OTHER, 900_000, 900_000),
    ],
)
def test_max_tokens_are_the_models_own_unless_asked_for(
    model: str, asked: int | None, sent: int
) -> None:
    assert request(Options(model=model, max_tokens=asked)).max_tokens == sent


@pytest.mark.parametrize(
    ("protocol", "official", "asked", "sent"),
    [
        ("openai", False, None, None),
        ("openai", False, 7, 7),
        ("openai", False, 900_000, 524_288),
        ("openai", True, None, 131_072),
        ("anthropic", False, None, 131_072),
    ],
)
@pytest.mark.filterwarnings("ignore:.*can write")
def test_an_engine_has_its_own_limit_where_the_protocol_asks_for_none(
    protocol: str, official: bool, asked: int | None, sent: int | None
) -> None:
    options = Options(model=M3, max_tokens=asked, protocol=protocol)
    assert request(options, official=official).max_tokens == sent


@pytest.mark.parametrize(("model", "most"), [(M3, 524_288), (M2, 204_800)])
def test_more_than_a_model_can_write_is_cut_with_a_warning(
    model: str, most: int
) -> None:
    with pytest.warns(UserWarning, match=f"{model} can write; {most} is sent"):
        assert request(Options(model=model, max_tokens=most + 1)).max_tokens == most


def test_max_tokens_follow_the_model_of_the_call() -> None:
    other = {"model": M2}
    unasked = Options(model=M3).called_with(None, other)
    assert request(unasked).max_tokens == 65_536
    asked = Options(model=M3, max_tokens=300_000).called_with(None, other)
    written, said = warned(asked)
    assert written.max_tokens == 204_800
    assert len(said) == 1
    assert M2 in said[0]


# --- Thinking ------------------------------------------------------------------------

NO_BUDGET = "MiniMax has no thinking budget; `budget_tokens` is not sent."
ASK: dict[str, tuple[Any, dict[str, str] | None]] = {
    # What is asked for, and what that is in MiniMax's words.
    "nothing": (None, None),
    "True": (True, THINK),
    "adaptive": ("adaptive", THINK),
    "enabled": ("enabled", THINK),
    "False": (False, STOP_THINKING),
    "disabled": ("disabled", STOP_THINKING),
    "{adaptive}": (THINK, THINK),
    "{disabled}": (STOP_THINKING, STOP_THINKING),
    "{enabled}": ({"type": "enabled"}, THINK),
    "{adaptive, display}": ({**THINK, "display": "none"}, {**THINK, "display": "none"}),
}
every_wish = pytest.mark.parametrize(("asked", "words"), ASK.values(), ids=ASK)


@every_wish
def test_m3_is_always_told_whether_to_think(
    asked: Any, words: dict[str, str] | None
) -> None:
    written, said = warned(Options(model=M3, thinking=asked))
    assert written.thinking == (words or STOP_THINKING)
    assert said == []


@pytest.mark.parametrize("model", [M2, FLASH])
@every_wish
def test_a_model_that_always_thinks_is_never_told_to_stop(
    model: str, asked: Any, words: dict[str, str] | None
) -> None:
    written, said = warned(Options(model=model, thinking=asked))
    stop = words == STOP_THINKING
    assert written.thinking == (None if stop else words)
    assert said == ([f"{model} cannot stop thinking."] if stop else [])


def test_nor_is_it_in_words_that_say_more() -> None:
    """M3.1-Flash answers 400: it "requires adaptive thinking"."""
    asked = {**STOP_THINKING, "display": "none"}
    written, said = warned(Options(model=FLASH, thinking=asked))
    assert written.thinking is None
    assert said == [f"{FLASH} cannot stop thinking."]


@every_wish
def test_an_unknown_model_is_told_what_was_asked(
    asked: Any, words: dict[str, str] | None
) -> None:
    written, said = warned(Options(model=OTHER, thinking=asked))
    assert written.thinking == words
    assert said == []


@pytest.mark.parametrize("model", [M2, M3, FLASH, OTHER])
def test_claudes_budget_means_thinking_and_is_not_sent(model: str) -> None:
    written, said = warned(Options(model=model, thinking=CLAUDES))
    assert written.thinking == THINK
    assert said == [NO_BUDGET]


@pytest.mark.parametrize("asked", [CLAUDES, {"type": "enabled"}, {"magic": 1}])
@pytest.mark.parametrize("model", [M3, OTHER])
def test_other_hosts_have_their_own_words_for_thinking(
    model: str, asked: Mapping[str, Any]
) -> None:
    written, said = warned(Options(model=model, thinking=asked), official=False)
    assert written.thinking == asked
    assert said == []


def test_the_callers_dict_stays_as_it_is() -> None:
    asked = copy.deepcopy(CLAUDES)
    with pytest.warns(UserWarning, match="budget"):
        request(Options(model=M3, thinking=asked))
    assert asked == CLAUDES


@pytest.mark.parametrize("asked", ["yes", "", 2, [], [True]], ids=repr)
def test_a_word_that_does_not_mean_thinking_is_refused(asked: Any) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="'adaptive', 'disabled'"):
        request(Options(model=M3, thinking=asked))


# --- Effort --------------------------------------------------------------------------


def no_levels(model: str) -> str:
    return f"{model} knows no levels of effort; `effort` only turns thinking on."


def no_stop(model: str) -> str:
    return f"{model} cannot stop thinking."


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "effort", "said"),
    [
        (FLASH, None, None, None, []),
        (FLASH, "low", THINK, "low", []),
        (FLASH, "minimal", THINK, "low", []),
        (FLASH, "medium", THINK, "medium", []),
        (FLASH, "high", THINK, "high", []),
        (FLASH, "xhigh", THINK, "xhigh", []),
        (FLASH, "max", THINK, "max", []),
        (FLASH, "none", None, None, [no_stop(FLASH)]),
        (M3, "none", STOP_THINKING, None, []),
        (M3, "low", THINK, None, [no_levels(M3)]),
        (M2, "none", None, None, [no_stop(M2)]),
        (M2, "max", THINK, None, [no_levels(M2)]),
        (OTHER, None, None, None, []),
        (OTHER, "none", STOP_THINKING, None, []),
        (OTHER, "minimal", THINK, "minimal", []),
        (OTHER, "heroic", THINK, "heroic", []),
    ],
)
def test_effort_turns_thinking_on_and_is_sent_where_it_has_levels(
    model: str,
    asked: str | None,
    thinking: dict[str, str] | None,
    effort: str | None,
    said: list[str],
) -> None:
    written, warnings_said = warned(Options(model=model, effort=asked))
    assert (written.thinking, written.effort) == (thinking, effort)
    assert warnings_said == said


@pytest.mark.parametrize(
    ("thinking", "effort", "sent"),
    [(False, "high", STOP_THINKING), (True, "none", THINK)],
)
def test_thinking_has_the_last_word_over_effort(
    thinking: bool, effort: str, sent: dict[str, str]
) -> None:
    written = request(Options(model=OTHER, thinking=thinking, effort=effort))
    assert written.thinking == sent


def test_a_level_that_a_model_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(
        MiniMaxInvalidRequestError, match="low, medium, high"
    ) as refused:
        request(Options(model=FLASH, effort="heroic"))
    assert "'heroic'" in str(refused.value)


# --- What MiniMax would refuse -------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"top_p": 0},
        {"top_p": 1},
        {"max_tokens": 1},
        {"model_kwargs": {"top_k": 5}},
    ],
    ids=repr,
)
def test_the_edges_of_a_range_belong_to_it(fields: dict[str, Any]) -> None:
    Options(model=M3, **fields).check()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"temperature": -0.1}, "`temperature` is -0.1; MiniMax takes 0 to 2."),
        ({"temperature": 2.1}, "`temperature` is 2.1; MiniMax takes 0 to 2."),
        ({"temperature": float("nan")}, "`temperature` is nan"),
        ({"top_p": -0.1}, "`top_p` is -0.1; MiniMax takes 0 to 1."),
        ({"top_p": 1.1}, "`top_p` is 1.1; MiniMax takes 0 to 1."),
        ({"max_tokens": 0}, "`max_tokens` is 0; it has to be at least 1."),
        ({"max_tokens": -5}, "`max_tokens` is -5; it has to be at least 1."),
    ],
    ids=repr,
)
def test_a_value_out_of_range_is_refused_before_anything_is_sent(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError) as refused:
        request(Options(model=M3, **fields))
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": None}, "`model` is None; it has to be of type str."),
        ({"model": 3}, "`model` is 3; it has to be of type str."),
        ({"max_tokens": "10"}, "`max_tokens` is '10'; it has to be of type int."),
        ({"temperature": "hot"}, "it has to be of type int or float."),
        ({"top_p": [1]}, "it has to be of type int or float."),
        ({"effort": 3}, "`effort` is 3"),
        ({"stop": 5}, "it has to be of type str or list or tuple."),
        ({"stop": ["A", 5]}, "`stop` is ['A', 5]; it has to be strings."),
        ({"service_tier": True}, "`service_tier` is True"),
        ({"user_id": 7}, "`user_id` is 7"),
        ({"parallel_tool_calls": "no"}, "`parallel_tool_calls` is 'no'"),
        ({"thinking": "maybe"}, "`thinking` is 'maybe'"),
    ],
    ids=repr,
)
def test_a_value_of_the_wrong_type_is_refused_before_anything_is_sent(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(MiniMaxInvalidRequestError) as refused:
        Options(**{"model": M3, **fields}).check()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("messages", "pass the messages as the input"),
        ("system", "pass a SystemMessage"),
        ("stream", "call `stream` or `astream`"),
        ("extra_headers", "use `default_headers`"),
        ("base_url", "model.model_copy(update="),
        ("timeout", "model.model_copy(update="),
        ("api_key", "model.model_copy(update="),
        ("request_timeout", "model.model_copy(update="),
        ("max_retries", "model.model_copy(update="),
        ("http_client", "model.model_copy(update="),
        ("connect_timeout", "as `timeout`"),
        ("default_request_timeout", "as `timeout`"),
        ("verify", "as `http_client`"),
    ],
)
def test_what_has_its_place_elsewhere_is_refused_and_shown_there(
    name: str, instead: str
) -> None:
    called = Options(model=M3).called_with(None, {name: "x"})
    for options in (called, Options(model=M3, model_kwargs={name: "x"})):
        with pytest.raises(MiniMaxInvalidRequestError) as refused:
            request(options)
        assert f"`{name}`" in str(refused.value)
        assert instead in str(refused.value)


# --- Typing errors -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "Did you mean `temperature`?"),
        ("max_token", "Did you mean `max_tokens`?"),
        ("tool_choise", "Did you mean `tool_choice`?"),
        ("max_completion_token", "Did you mean `max_completion_tokens`?"),
        ("reasoning", "Did you mean `thinking`?"),
        ("minimax_api_host", "Did you mean `base_url`?"),
    ],
)
def test_an_unknown_argument_is_named_with_its_nearest(name: str, hint: str) -> None:
    with pytest.warns(UserWarning, match=f"`{name}` is no option") as said:
        warn_unknown({name: 1})
    assert str(said[0].message).endswith(hint)


@pytest.mark.parametrize(
    "name", ["tool_choice", "parallel_tool_calls", "response_format"]
)
def test_an_option_of_calls_is_sent_there(name: str) -> None:
    with pytest.warns(UserWarning, match=f"`{name}` is no option of") as said:
        warn_unknown([name], ["model", "temperature"])
    assert str(said[0].message).endswith(f"Say it to a call: `bind({name}=…)`.")


def test_an_argument_like_no_other_gets_no_hint() -> None:
    with pytest.warns(UserWarning, match="`qqq` is no option") as said:
        warn_unknown(["qqq"])
    assert "Did you mean" not in str(said[0].message)


def test_each_unknown_argument_is_named() -> None:
    with pytest.warns(UserWarning, match="is no option") as said:
        warn_unknown(["temprature", "model", "top_q"])
    assert [str(each.message).split()[0] for each in said] == [
        "`temprature`",
        "`top_q`",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("model", "tools", "tool_choice", "metadata", "stop"),
        *("parallel_tool_calls", "response_format", "validator"),
        *ALIASES,
    ],
)
def test_a_known_argument_goes_without_a_word(name: str) -> None:
    warn_unknown([name])


@pytest.mark.parametrize(
    "name",
    [
        *("anthropic_api_key", "apikey", "CLIENT_SECRET", "password", "x_auth_token"),
        *("auth", "token", "key", "credentials", "bearer"),
        *("api_keey", "Api_Kye", "minimax_api_ky", "prxy", "proxi", "default_header"),
    ],
)
def test_an_argument_named_like_a_secret_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(MiniMaxInvalidRequestError, match="looks like a secret") as no:
        warn_unknown({name: "sk-api-of-nobody"})
    assert name in str(no.value)
    assert "sk-api-of-nobody" not in str(no.value)
    with pytest.raises(MiniMaxInvalidRequestError, match="looks like a secret"):
        Options(model=M3, model_kwargs={name: "sk-api-of-nobody"}).check()


@pytest.mark.parametrize(
    "name",
    [
        *("top_k", "priority", "prompt_cache_key", "logprobs", "chat_template_kwargs"),
        *("min_p", "seed", "repetition_penalty", "stop_token_ids", "min_tokens"),
    ],
)
def test_what_engines_know_is_no_secret(name: str) -> None:
    with pytest.warns(UserWarning, match=f"`{name}` is no option"):
        warn_unknown([name])
    Options(model=M3, model_kwargs={name: 1}).check()


def test_a_warning_points_at_the_line_that_led_to_it() -> None:
    with pytest.warns(UserWarning, match="is no option") as said:
        warn_unknown(["temprature"])
    assert said[0].filename == __file__


def test_what_a_model_cannot_do_is_said_once() -> None:
    options = Options(model=M2, thinking=False)
    assert warned(options)[1] == [no_stop(M2)]
    assert warned(options)[1] == []


def test_who_has_other_names_brings_them_along() -> None:
    warn_unknown(["proxy", "model_name"], {"proxy"})
    with pytest.warns(UserWarning, match="`cash`.*`cache`"):
        warn_unknown(["cash"], {"cache"})
