"""Campaigns over HTTP: drafts, checks, launches once and never over budget, and what the audit trail says of them."""

import re
from collections.abc import Iterator

import httpx
import pytest

from keyuan import ledger
from keyuan.campaigns import State
from real_server import Server
from web.campaigns_house import FORM, CampaignsHouse, campaigns_house

TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@pytest.fixture(scope="module")
def house(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CampaignsHouse]:
    with campaigns_house(server, tmp_path_factory.mktemp("campaigns")) as made:
        yield made


@pytest.fixture
def client(house: CampaignsHouse) -> Iterator[httpx.Client]:
    with house.client() as client:
        yield client


@pytest.fixture
def csrf(client: httpx.Client) -> str:
    return TOKEN.search(client.get("/new").text)[1]


def drafted(client: httpx.Client, csrf: str, **changed: str) -> str:
    """Save a draft and return its name."""
    answer = client.post("/new", data=FORM | changed | {"csrf": csrf})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0].rpartition("/")[2]


@pytest.mark.parametrize(
    ("field", "value", "en", "zh"),
    [
        ("title_zh", " ", "Write a title", "写个名称"),
        ("segment", "none", "Choose a segment", "请选一个客户群体"),
        ("face", "five", "Write an amount above zero", "写一个大于零的金额"),
        ("face", "5.001", "Write an amount above zero", "写一个大于零的金额"),
        ("budget", "1.99", "This is less than one coupon", "还不够发一张券"),
        ("holdout", "51", "A whole number from 5 to 50", "5 到 50 之间的整数"),
        ("holdout", "0", "A whole number from 5 to 50", "5 到 50 之间的整数"),
        ("from", "2018-01-01", "This day is over", "这一天已经过去"),
        ("to", "2018-01-04", "The campaign lasts 7 to 366 days", "活动要持续 7 到 366 天"),
        ("to", "9999-12-31", "Choose a day", "请选一天"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_saved(
    house: CampaignsHouse, client: httpx.Client, csrf: str, field: str, value: str, en: str, zh: str
):
    form = FORM | {field: value, "csrf": csrf}
    for language, words in (("en", en), ("zh", zh)):
        answer = client.post(f"{house.address}/{language}/console/campaigns/new", data=form)
        assert answer.status_code == 400
        assert re.search(rf'id="{field}-fault">{words}', answer.text), language
        assert f'value="{FORM["title_en"]}"' in answer.text
    assert client.get("/winter_thanks").status_code == 404


def test_while_it_is_filled_in_only_what_was_typed_is_judged(client: httpx.Client):
    text = client.get("/try", params={"segment": "lately", "holdout": "99", "face": "", "budget": ""}).text
    assert '<hx-partial hx-target="#holdout-fault">A whole number from 5 to 50.</hx-partial>' in text
    assert '<hx-partial hx-target="#face-fault"></hx-partial>' in text
    whole = client.get("/try", params=FORM | {"budget": "3"}).text
    assert "the launch would be refused" in whole


def test_a_draft_is_changed_under_its_name_and_deleted(house: CampaignsHouse, client: httpx.Client, csrf: str):
    name = drafted(client, csrf, title_en="Spring, in 2 steps")
    assert name == "spring_in_2_steps"
    assert drafted(client, csrf, title_en="Spring in 2 steps!") == "spring_in_2_steps_2"
    assert {"spring_in_2_steps", "spring_in_2_steps_2"} <= set(house.noted("campaign.saved"))
    before = house.campaign(name)
    assert 'value="40"' in client.get(f"/{name}/edit").text
    answer = client.post(f"/{name}/edit", data=FORM | {"title_en": "Another", "budget": "600.50", "csrf": csrf})
    assert answer.headers["location"].endswith(f"/{name}?saved=1")
    after = house.campaign(name)
    assert (after.title_en, after.budget_minor, after.salt) == ("Another", 60_050, before.salt)
    client.post(f"/{name}/delete", data={"csrf": csrf})
    assert client.get(f"/{name}").status_code == 404
    assert name in house.noted("campaign.deleted")


def test_a_draft_that_cannot_be_launched_says_why_and_offers_no_launch(client: httpx.Client, csrf: str):
    name = drafted(client, csrf, title_en="Too little", budget="100")
    text = client.get(f"/{name}?ask=launch").text
    assert "Stops the launch" in text
    assert "Raise the budget to $" in text
    assert "1 thing has to be mended first" in text
    assert "<dialog" not in text


def test_a_launch_over_budget_is_refused_with_a_sentence_and_nothing_has_changed(
    house: CampaignsHouse, client: httpx.Client, csrf: str
):
    name = drafted(client, csrf, title_en="Over budget", budget="100")
    before = house.traces(name)
    answer = client.post(f"/{name}/launch", data={"csrf": csrf})
    assert answer.status_code == 409
    assert re.search(r"coupons for \d+ treated people come to \$\d+\.00, and the budget is \$100\.00", answer.text)
    assert "Nothing was sent, and no money moved" in answer.text
    assert house.traces(name) == before
    assert house.campaign(name).state is State.DRAFT
    assert name not in house.noted("campaign.launched")


def test_a_second_launch_is_harmless_and_an_end_frees_what_was_set_aside(
    house: CampaignsHouse, client: httpx.Client, csrf: str
):
    name = drafted(client, csrf, title_en="Once only")
    first = client.post(f"/{name}/launch", data={"csrf": csrf})
    assert first.headers["location"].endswith(f"/{name}?launched=1")
    left = house.traces(name)
    second = client.post(f"/{name}/launch", data={"csrf": csrf})
    assert second.headers["location"].endswith(f"/{name}")
    assert house.traces(name) == left
    assert house.noted("campaign.launched").count(name) == 1
    assert client.post(f"/{name}/edit", data=FORM | {"csrf": csrf}).status_code == 409
    assert client.post(f"/{name}/delete", data={"csrf": csrf}).status_code == 409
    assert "come free" in client.get(f"/{name}/delivery?ask=end").text
    for _ in range(2):
        assert client.post(f"/{name}/end", data={"csrf": csrf}).status_code == 303
    with house.shop.database.transaction(1) as session:
        budget = ledger.budgets(session, [house.campaign(name).number])[0]
    assert (budget.reserved, budget.free) == (0, 50_000)
    assert "Set free again" in client.get(f"/{name}/delivery").text
    assert "<dialog" not in client.get(f"/{name}/delivery?ask=end").text


@pytest.mark.parametrize("path", ["/new", "/{name}/edit", "/{name}/launch", "/{name}/delete", "/{name}/end"])
def test_nothing_is_done_for_a_form_that_is_not_ours(house: CampaignsHouse, client: httpx.Client, csrf: str, path: str):
    name = drafted(client, csrf, title_en=f"Forged {path}")
    before = house.traces(name)
    address = path.format(name=name)
    assert client.post(address, data=FORM).status_code == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert client.post(address, data=FORM | {"csrf": csrf}, headers=cross).status_code == 403
    assert house.traces(name) == before
    assert house.campaign(name).state is State.DRAFT


def test_a_run_over_a_time_that_has_passed_says_that_nobody_was_treated(house: CampaignsHouse, client: httpx.Client):
    chinese = client.get(f"{house.address}/zh/console/campaigns/milk_double").text
    assert "历史数据，没有人真正受到影响。" in chinese
    assert "模拟" in chinese
    english = client.get("/milk_double").text
    for words in (
        "Historical data: nobody was really treated.",
        "intention to treat",
        "Modelled",
        "A hash of each customer",
    ):
        assert words in english
    assert "A/A test" in client.get(f"{house.address}/en/console/campaigns").text


def test_what_is_no_campaign_or_not_launched_has_no_report(client: httpx.Client, csrf: str):
    name = drafted(client, csrf, title_en="Still a draft")
    for path in ("/none", "/none/edit", "/none/delivery", f"/{name}/delivery", f"/{name}/design"):
        assert client.get(path).status_code == 404, path
    assert client.post("/none/launch", data={"csrf": csrf}).status_code == 404
