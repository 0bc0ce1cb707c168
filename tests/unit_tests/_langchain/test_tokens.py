"""The local estimate of tokens, against the usage that MiniMax reported.

The figures are MiniMax's, facts with their sources. The words are ours: each text is as
long as the one that was billed, to a token or two, counted with o200k_base (a public
tokenizer with a vocabulary of MiniMax's size) when this was written. Most of a small
prompt is MiniMax's preamble, so what single parts add is compared too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents.middleware import ClearToolUsesEdit
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)
from langchain_core.tools import tool

from langchain_minimax import ChatMiniMax
from langchain_minimax._langchain.tokens import count_text
from langchain_minimax.errors import MiniMaxInvalidRequestError

M2, M3 = "MiniMax-M2.7", "MiniMax-M3"


def model(name: str = M3, **fields: Any) -> ChatMiniMax:
    return ChatMiniMax(model=name, api_key="sk-api-of-nobody", **fields)


def count(messages: list[BaseMessage], tools: Any = None, name: str = M3) -> int:
    return model(name).get_num_tokens_from_messages(messages, tools)


def a_tool(name: str, about: str, *required: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return {"name": name, "description": about, "input_schema": schema}


def reply(
    words: str = "", thought: str = "", call: dict[str, Any] | None = None
) -> AIMessage:
    thinking = {"type": "thinking", "thinking": thought, "signature": "5f" * 32}
    calls = [{"name": "get_tide", "args": call, "id": "call_1"}] if call else []
    kwargs = {"thinking_blocks": [thinking]} if thought else {}
    return AIMessage(
        words,
        tool_calls=calls,
        additional_kwargs=kwargs,
        response_metadata={"model_provider": "minimax"},
    )


# --- What MiniMax billed -------------------------------------------------------------

TIDE = a_tool("get_tide", "Next high tide of a port", "port", port={"enum": ["Porto"]})
TIDE["input_schema"]["properties"]["port"]["type"] = "string"
TIDE["input_schema"]["additionalProperties"] = False
WHERE = {"type": "string", "description": "The port and its country, e.g. Porto, PT"}
TIDE_ABROAD = a_tool(
    "get_tide", "Get the next high tide for a given port.", "port", port=WHERE
)
GO_TOOLS = [
    a_tool(
        "find_package",
        "在 Go 官方仓库里查找标准库或第三方包",
        "package",
        "version",
        package={"type": "string", "description": "包的名称,比如 `sync`、`container`"},
        version={"type": "string", "description": "版本号"},
    ),
    a_tool(
        "run_tests",
        "在容器中运行全部测试,返回通过与失败的数量",
        "path",
        path={"type": "string", "description": "要测试的目录"},
        timeout_minutes={
            "type": "integer",
            "description": "最长等待时间(分钟)",
            "default": 5,
        },
    ),
]
ASKED = HumanMessage(
    "Find out with get_tide when the next high tide is at Porto, before you answer. "
    "Then tell me in one short sentence."
)
THOUGHT = (
    "They want me to find out with get_tide when the next high tide is at Porto, and "
    "then to tell it in one short sentence. So I call it first."
)
LONGER = f"{THOUGHT} Then I wait for it."
CALLED = {"port": "Porto"}
RESULT = ToolMessage('{"tide":"high","time":"16:39"}', tool_call_id="call_1")
CURRENCY = HumanMessage("What is the currency of Japan? One word.")
SAILOR = SystemMessage(
    "You are a sailor from the 1800s. Every answer uses sailing terms (Aft, Buoy, "
    "keel, rudder)."
)
PICTURE = {
    "type": "image",
    "source": {"type": "url", "url": "https://example.com/harbour.jpeg"},
}


@dataclass(frozen=True)
class Billed:
    """A prompt like one that MiniMax counted, and what it counted."""

    source: str
    tokens: int
    messages: list[BaseMessage]
    tools: list[dict[str, Any]] | None = None
    name: str = M3

    def __str__(self) -> str:
        return f"{self.source}: {self.tokens}"


BILLED = [
    Billed("Messages page, M2.7", 39, [HumanMessage("Morning")], name=M2),
    Billed("Messages page, M2.7, China", 42, [HumanMessage("您好")], name=M2),
    Billed("Chat page, M2.7", 42, [HumanMessage("Morning")], name=M2),
    Billed(
        "cc-skills, a question",
        48,
        [HumanMessage("What is the currency of Japan?")],
        name=M2,
    ),
    Billed(
        "cc-skills, a sum",
        55,
        [HumanMessage("What is 6 times 9? Answer with the result only.")],
        name=M2,
    ),
    Billed("cc-skills, one word", 51, [CURRENCY], name=M2),
    Billed(
        "cc-skills, with a system prompt",
        50,
        [SAILOR, HumanMessage("What is the currency of Japan?")],
        name=M2,
    ),
    Billed(
        "cc-skills, two questions",
        70,
        [CURRENCY, reply("Yen"), HumanMessage(CURRENCY.content)],
        name=M2,
    ),
    Billed(
        "cc-skills, two questions and the thought between",
        70,
        [CURRENCY, reply("Yen", THOUGHT * 3), HumanMessage(CURRENCY.content)],
        name=M2,
    ),
    Billed("Messages page, M3", 170, [HumanMessage("Which is higher, 7.31 or 7.8?")]),
    Billed(
        "Messages page, M3, an image",
        1366,
        [HumanMessage([{"type": "text", "text": "What does it show?"}, PICTURE])],
    ),
    Billed(
        "Messages and Chat pages, M3, a tool",
        411,
        [HumanMessage("明天汉堡几点涨潮?")],
        [TIDE_ABROAD],
    ),
    Billed(
        "Estimate Input Tokens page, M3",
        588,
        [
            HumanMessage(
                "请用 Go 写一个并发安全的 LRU 缓存,要求:1) 用双向链表加哈希表;"
                "2) 每个条目可设置过期时间;3) 容量满时淘汰最久未用的条目;"
                "4) 附上基准测试。另外请说明,在读多写少时,"
                "这种实现相比 sync.Map 有哪些优点和不足。"
            )
        ],
        GO_TOOLS,
    ),
    Billed("opencode, Chat, first call", 428, [ASKED], [TIDE]),
    Billed("opencode, Messages, first call", 442, [ASKED], [TIDE]),
    Billed(
        "opencode, Messages, named choice",
        415,
        [HumanMessage("Find the next high tide at Porto with get_tide.")],
        [TIDE],
    ),
    # Both with `tool_choice` "none", which takes the tools out of the bill.
    Billed("opencode, Chat, answer", 304, [ASKED, reply("", LONGER, CALLED), RESULT]),
    Billed(
        "opencode, Messages, answer", 297, [ASKED, reply("", THOUGHT, CALLED), RESULT]
    ),
]


@pytest.mark.parametrize("billed", BILLED, ids=str)
def test_the_estimate_is_within_15_percent_of_what_was_billed(billed: Billed):
    estimated = count(billed.messages, billed.tools, billed.name)
    assert estimated == pytest.approx(billed.tokens, rel=0.15)


def test_what_single_parts_add_is_within_15_percent_too():
    by_source = {billed.source: billed for billed in BILLED}

    def added(more: str, less: str) -> tuple[int, int]:
        long, short = by_source[more], by_source[less]
        estimated = [
            count(each.messages, each.tools, each.name) for each in (long, short)
        ]
        return estimated[0] - estimated[1], long.tokens - short.tokens

    pairs = [
        ("cc-skills, two questions", "cc-skills, one word"),
        ("Messages and Chat pages, M3, a tool", "Messages page, M3"),
        ("Estimate Input Tokens page, M3", "Messages page, M3"),
        ("opencode, Chat, answer", "Messages page, M3"),
        ("opencode, Chat, first call", "opencode, Chat, answer"),
        ("Messages page, M3, an image", "Messages page, M3"),
    ]
    for more, less in pairs:
        estimated, billed = added(more, less)
        assert estimated == pytest.approx(billed, rel=0.15), (more, less)


# --- Scripts -------------------------------------------------------------------------

# One short passage, and what o200k_base makes of it. MiniMax's own tokenizer is not
# public; for Chinese its figures are far lower, see above.
PASSAGES = {
    "English": (
        "The lighthouse keeper wrote down every ship that passed: its name, its flag "
        "and the hour. On foggy days, when nothing could be seen, he wrote down what "
        "he heard instead."
    ),
    "German": (
        "Der Leuchtturmwärter schrieb jedes Schiff auf, das vorbeifuhr: seinen Namen, "
        "seine Flagge und die Uhrzeit. An nebligen Tagen notierte er stattdessen, was "
        "er hörte."
    ),
    "Vietnamese": (
        "Người gác hải đăng ghi lại mọi con tàu đi qua: tên tàu, lá cờ và giờ giấc. "
        "Những ngày sương mù, ông ghi lại những gì mình nghe thấy."
    ),
    "Russian": (
        "Смотритель маяка записывал каждый проходящий корабль: его название, флаг и "  # noqa: RUF001
        "час. В туманные дни, когда ничего не было видно, он записывал то, что "  # noqa: RUF001
        "слышал."
    ),
    "Greek": (
        "Ο φαροφύλακας έγραφε κάθε πλοίο που περνούσε: το όνομα, τη σημαία και την "  # noqa: RUF001
        "ώρα του. Τις μέρες με ομίχλη έγραφε ό,τι άκουγε."
    ),
    "Arabic": (
        "كان حارس المنارة يدون كل سفينة تمر: اسمها وعلمها والساعة. وفي الأيام "
        "الضبابية كان يكتب ما يسمعه بدلا من ذلك."
    ),
    "Hebrew": (
        "שומר המגדלור רשם כל ספינה שעברה: את שמה, את דגלה ואת השעה. בימי ערפל הוא "
        "רשם את מה ששמע."
    ),
    "Hindi": (
        "प्रकाशस्तंभ का रखवाला हर गुज़रने वाले जहाज़ का नाम, उसका झंडा और समय लिखता "
        "था। कोहरे के दिनों में वह जो सुनता था, वही लिखता था।"
    ),
    "Thai": ("คนเฝ้าประภาคารจดชื่อเรือทุกลำที่ผ่านไป ทั้งธงและเวลา ในวันที่มีหมอกเขาจดสิ่งที่ได้ยินแทน"),
    "Japanese": (
        "灯台守は通り過ぎる船をすべて書き留めた。名前と旗、そして時刻を。"
        "霧の日には何も見えないので、代わりに聞こえたものを書いた。"
    ),
    "Korean": (
        "등대지기는 지나가는 모든 배의 이름과 깃발, 그리고 시각을 적었다. 안개가 "
        "낀 날에는 아무것도 보이지 않아서 대신 들리는 것을 적었다."
    ),
    "emoji": (
        "Fog lifted at last 🌫️ → ☀️ Three ships so far 🚢🚢🚢 and a seal 🦭 on the "
        "rocks 😄"
    ),
    "code": (
        "def passed(ships: list[Ship], *, foggy: bool = False) -> Iterator[str]:\n"
        '    """Yields a line for each ship."""\n'
        "    for ship in ships:\n"
        "        if foggy and ship.horn is None:\n"
        "            continue\n"
        "        yield f\"{ship.hour:%H:%M} {ship.name} ({ship.flag or 'unknown'})\"\n"
    ),
    "JSON": (
        '{"ships":[{"name":"Aurora","flag":"NO","hour":"04:12","tonnes":1250.5},'
        '{"name":"Bela","flag":null,"hour":"16:39","tonnes":980}],"foggy":false}'
    ),
    "a table": (
        "| ship | hour | flag |\n|------|------|------|\n| Aurora | 04:12 | NO |\n"
        "| Bela | 16:39 | - |\n"
    ),
}
O200K = {
    "English": 38,
    "German": 45,
    "Vietnamese": 45,
    "Russian": 44,
    "Greek": 52,
    "Arabic": 37,
    "Hebrew": 38,
    "Hindi": 44,
    "Thai": 39,
    "Japanese": 52,
    "Korean": 43,
    "emoji": 32,
    "code": 74,
    "JSON": 53,
    "a table": 34,
}


@pytest.mark.parametrize("script", PASSAGES)
def test_every_script_is_counted_like_a_tokenizer_counts_it(script: str):
    tokens, passage = O200K[script], PASSAGES[script]
    close = script in ("English", "code", "JSON", "a table", "emoji", "Arabic")
    assert count_text(passage) == pytest.approx(tokens, rel=0.08 if close else 0.25)


def test_chinese_costs_about_half_a_token_a_character():
    # Of the 588 of MiniMax's page, some 90 are 150 characters.
    said = "灯塔看守人记下每一艘经过的船有雾的日子他就把听到的声音记下来"
    assert 0.45 <= count_text(said) / len(said) <= 0.6


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        (" ", 1),
        ("\n\n\n", 1),
        (" " * 40 + "x", 2),
        ("0123456789", 4),
        ("-" * 16, 1),
        ("你好", 1),
        ("\ud800", 1),  # half an emoji
    ],
)
def test_small_texts(text: str, tokens: int):
    assert count_text(text) == tokens


# --- Conversations -------------------------------------------------------------------


def test_nothing_costs_nothing():
    assert count([]) == 0
    assert model().get_num_tokens("") == 0


def test_a_text_is_counted_without_a_preamble():
    assert model().get_num_tokens("What is the currency of Japan?") == 7


def test_an_old_thought_costs_m3_but_not_m2():
    # M2.7 was billed 70 tokens with and without it; the chat template of M2's
    # repository leaves it out. Of M3 nothing of the kind is known.
    said = [CURRENCY, reply("Yen"), CURRENCY]
    thought = [CURRENCY, reply("Yen", THOUGHT), CURRENCY]
    assert count(thought, name=M2) == count(said, name=M2)
    assert count(thought, name=M3) > count(said, name=M3) + 30


@pytest.mark.parametrize("name", [M2, M3])
def test_a_thought_within_a_tool_loop_costs(name: str):
    with_it, without = (
        [CURRENCY, reply("", thought, CALLED), RESULT] for thought in (THOUGHT, "")
    )
    assert count(with_it, name=name) > count(without, name=name) + 30


def test_a_system_prompt_takes_the_place_of_minimaxs_own():
    asked = HumanMessage("Hi")
    assert count([SystemMessage("Be brief."), asked]) < count([asked])
    assert count([SystemMessage("Be brief. " * 100), asked]) > count([asked]) + 200
    late = [asked, reply("Hello"), SystemMessage("Be brief. " * 100), asked]
    assert count(late) > count([asked, reply("Hello"), asked]) + 200


@tool
def get_tide(port: str) -> str:
    """Next high tide of a port."""
    return f"16:39 at {port}"


def test_tools_are_taken_in_every_shape_that_can_be_bound():
    def plain(port: str) -> str:
        """Next high tide of a port."""
        return port

    asked = [HumanMessage("When is high water?")]
    alone = count(asked)
    for each in (
        get_tide,
        plain,
        TIDE,
        {"type": "function", "function": {"name": "t"}},
    ):
        assert count(asked, [each]) > alone + 150
    marked = {**TIDE, "cache_control": {"type": "ephemeral"}}
    assert count(asked, [marked]) == count(asked, [TIDE])
    assert count(asked, []) == alone
    web = {"type": "web_search_20250305", "name": "web_search"}
    assert count(asked, [web]) > alone


@pytest.mark.parametrize(
    ("part", "least", "most"),
    [
        ({"type": "image", "url": "https://e.com/a.png"}, 1000, 1600),
        ({**PICTURE, "extras": {"detail": "low"}}, 300, 700),
        ({**PICTURE, "extras": {"detail": "high"}}, 4000, 15000),
        (
            {"type": "image", "base64": "iVBO" * 100_000, "mime_type": "image/png"},
            1000,
            1600,
        ),
        ({"type": "video", "url": "mm_file://7"}, 5000, 20000),
        ({"type": "video", "url": "mm_file://7", "extras": {"fps": 0.2}}, 1000, 5000),
    ],
    ids=["url", "low", "high", "base64", "video", "slow video"],
)
def test_media_cost_by_their_detail_and_not_by_their_bytes(
    part: dict[str, Any], least: int, most: int
):
    plain = count([HumanMessage("Look.")])
    shown = HumanMessage(["Look.", part])
    assert least <= count([shown]) - plain <= most
    asked = [HumanMessage("Look."), reply("", "", CALLED)]
    result = ToolMessage([part], tool_call_id="call_1")
    assert least <= count([*asked, result]) - count(asked) <= most + 20


def test_a_conversation_may_be_cut_anywhere():
    whole = [SAILOR, ASKED, reply("", THOUGHT, CALLED), RESULT, reply("At 16:39.")]
    counts = [count(whole[:end]) for end in range(1, len(whole) + 1)]
    assert counts == sorted(counts)
    assert count([RESULT]) > count([]) == 0
    assert count([AIMessage("")]) > 0


def test_a_model_of_another_house_is_counted_like_m3():
    asked = [HumanMessage("Hi")]
    assert count(asked, name="some-gateway/m") == count(asked, name=M3)
    assert count(asked, name="MiniMaxAI/MiniMax-M2.1") == count(asked, name=M2)


def test_what_cannot_be_sent_cannot_be_counted():
    with pytest.raises(MiniMaxInvalidRequestError, match="audio"):
        count([HumanMessage([{"type": "audio", "url": "https://e.com/a.wav"}])])


def test_ones_own_tokenizer_wins():
    own = model(custom_get_token_ids=lambda text: list(range(len(text))))
    assert own.get_num_tokens("four") == 4
    asked = [HumanMessage("four")]
    assert own.get_num_tokens_from_messages(asked) == len("Human: four")


# --- LangChain's own uses ------------------------------------------------------------


def test_messages_are_trimmed_with_the_model_as_the_counter():
    history: list[BaseMessage] = [SAILOR]
    for number in range(20):
        history += [HumanMessage(f"Question {number}? " * 40), reply(f"No. {number}")]
    history.append(HumanMessage("And now?"))
    kept = trim_messages(
        history,
        max_tokens=1500,
        token_counter=model(),
        strategy="last",
        start_on="human",
        include_system=True,
    )
    assert kept[0] == SAILOR
    assert kept[-1] == history[-1]
    assert 4 < len(kept) < len(history)
    assert count(kept) <= 1500
    # LangChain counts the system message by itself, and so the preamble twice.
    shown = len(kept) - 1
    one_more = [kept[0], *history[-shown - 2 :]]
    assert count(one_more) > 1500 - count([SAILOR])


def test_context_is_edited_with_the_model_as_the_counter():
    loop: list[BaseMessage] = [HumanMessage("Look through the logs.")]
    for number in range(6):
        call = {"name": "read", "args": {"file": f"{number}.log"}, "id": f"c{number}"}
        loop += [
            AIMessage("", tool_calls=[call]),
            ToolMessage("A line of the log. " * 200, tool_call_id=f"c{number}"),
        ]
    before = count(loop, [get_tide])
    assert before > 5000
    edit = ClearToolUsesEdit(trigger=3000, keep=2)
    edit.apply(
        loop,
        count_tokens=lambda said: model().get_num_tokens_from_messages(
            list(said), [get_tide]
        ),
    )
    cleared = [m for m in loop if m.content == edit.placeholder]
    assert len(cleared) == 4
    assert count(loop, [get_tide]) < before / 2
