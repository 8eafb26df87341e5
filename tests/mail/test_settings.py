"""Settings of mail: a real server needs a sender and https, and no password stands in a file that others read."""

from pathlib import Path
from typing import Any

import pytest

from keyuan.app.mailing import open_channel
from keyuan.kernel.config import ConfigError, Settings, load_settings, shown

REAL = {
    "KEYUAN_SMTP": "smtp://mail.shop.example",
    "KEYUAN_MAIL_FROM": "Shop <offers@shop.example>",
    "KEYUAN_PUBLIC_URL": "https://points.shop.example",
}


def loaded(monkeypatch: pytest.MonkeyPatch, folder: Path, changed: dict[str, str]) -> Settings:
    for name, value in (REAL | changed).items():
        monkeypatch.setenv(name, value)
    return load_settings(folder)


def test_letters_go_to_a_sink_unless_somebody_says_otherwise(tmp_path: Path):
    settings = load_settings(tmp_path)
    assert settings.smtp == "sink"
    assert not open_channel(settings, 25).delivers


def test_a_real_server_may_reach_somebody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert open_channel(loaded(monkeypatch, tmp_path, {}), 0).delivers


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "a word that is none": ({"KEYUAN_SMTP": "sendmail"}, "smtp must be"),
    "a web address": ({"KEYUAN_SMTP": "https://mail.shop.example"}, "smtp must be"),
    "a password in the address": ({"KEYUAN_SMTP": "smtp://me:secret@mail.shop.example"}, "smtp must be"),
    "a port that is none": ({"KEYUAN_SMTP": "smtp://mail.shop.example:99999"}, "smtp must be"),
    "no sender": ({"KEYUAN_MAIL_FROM": ""}, "needs mail_from"),
    "links without https": ({"KEYUAN_PUBLIC_URL": "http://points.shop.example"}, "needs mail_from, and public_url"),
    "links that are none": ({"KEYUAN_PUBLIC_URL": "points.shop.example"}, "public_url must be"),
    "a name without a password": ({"KEYUAN_SMTP_USER": "shop"}, "smtp_user needs"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_work_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, what: str):
    changed, says = WRONG[what]
    with pytest.raises(ConfigError, match=says) as told:
        loaded(monkeypatch, tmp_path, changed)
    assert "secret" not in str(told.value)


def test_a_password_comes_from_the_environment_or_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "password"
    path.write_text("right horse\n", encoding="utf-8")
    given: dict[str, Any] = {"KEYUAN_SMTP_USER": "shop", "KEYUAN_SMTP_PASSWORD_FILE": str(path)}
    assert loaded(monkeypatch, tmp_path, given).mail_password() == "right horse"
    settings = loaded(monkeypatch, tmp_path, {"KEYUAN_SMTP_PASSWORD": "other horse"})
    assert settings.mail_password() == "other horse"
    assert "horse" not in str(shown(settings))
    assert "horse" not in repr(settings)
    path.unlink()
    monkeypatch.delenv("KEYUAN_SMTP_PASSWORD")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path)


def test_the_file_of_settings_holds_no_password(tmp_path: Path):
    (tmp_path / "keyuan.toml").write_text('smtp_password = "right horse"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="secrets belong into the environment") as told:
        load_settings(tmp_path)
    assert "horse" not in str(told.value)
