"""Why a text is no rule, said in the language of the page: whatever is wrong, Chinese readers get no English."""

import re

import pytest

from keyuan.flows.group import COLUMNS
from keyuan.segments.rules import compile_rule
from keyuan.segments.rules.model import RuleError
from keyuan.web.console.rule_words import RuleWords
from keyuan.web.console.words import Words
from keyuan.web.pages.formats import Formats
from keyuan.web.pages.i18n import Language, translator

ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[a-z']{2,}){2,}")
WRONG = [
    "", "orders >", "orders > 1 AND", "(orders > 1", "orders > 1)", "orders > +1", "> 1", "orders = NOT orders = 1",
    "orders > 1 spend_minor > 2", "1 < orders < 3", "orders NOT 1", "orders IS 1", "orders IN 1", "orders IN (1 2)",
    "orders IN ()", "orders IN (spend_minor)", "orders, 1", "'orders'(1)", "orders BETWEEN 1 OR 2",
    "top_categories = 'A'", "orders = 'x'", "orders + 'x' > 1", "orders", "orders IS TRUE", "'A' IN orders",
    "1 IN top_categories", "order >= 2", "nothing > 1", "LIKE > 1", "lenght(orders) = 1", "now() > 1",
    "what(orders) = 1", "abs('x') = 1", "orders > 99999999999999999999", "orders > 1.23456",
    "orders * orders * orders * orders > 1", "orders > 1 -- x", "orders == 1", "orders > 1;", "orders % 2 = 1",
    "orders / 2 > 1", "orders::int > 1", "orders || 1 = 'x'", "!orders", "top_categories[1] = 'A'", "a.orders > 1",
    "favourite = 'x", '"orders > 1', "`orders` > 1", "orders ＞ 1", "orders ♥ 1", "orders\u200b > 1", "orders > 1e",
    '"" = 1', "E'x' = 'x'", "orders LIKE 'x'", "CASE WHEN orders > 1", "(" * 40 + "1",
    " AND ".join(["orders > 1"] * 200), "orders > 1" + " " * 5000,
    "orders IN (" + ", ".join(map(str, range(200))) + ")",
]  # fmt: skip


def fault(rule: str, language: Language) -> str:
    words = RuleWords(Words(translator(language), Formats(language), "USD"))
    with pytest.raises(RuleError) as wrong:
        compile_rule(rule, COLUMNS)
    said = words.fault(wrong.value)
    assert (said == wrong.value.message) == (language == "en"), said
    return said


@pytest.mark.parametrize("rule", WRONG, ids=range(len(WRONG)))
def test_whatever_is_wrong_is_said_in_chinese_too(rule: str):
    said = fault(rule, "zh")
    assert re.search("[\u4e00-\u9fff]", said), said
    assert not ENGLISH.search(said), said
    assert "%(" not in said


def test_names_out_of_the_rule_are_not_translated_and_hints_are():
    assert fault("order >= 2", "zh").startswith("没有 order 这个特征，是不是 orders")
    assert fault("now() > 1", "zh") == "没有 now 这个函数。规则里没有当前时间，请用按天计的特征，例如 recency_days。"
    assert fault("orders = 'x'", "zh") == "这里拿数字和文本比较，两边的类型必须一样。"


def test_english_is_what_the_rule_itself_says():
    assert fault("order >= 2", "en").startswith("There is no column order. Did you mean orders")
