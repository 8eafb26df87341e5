"""Configuration: one TOML file plus the environment, read once at the start.

Order: environment (`KEYUAN_…`, and `DATABASE_URL`, `DATABASE_OWNER_URL`), then `keyuan.toml` in the data folder,
then the defaults below. Secrets come only from the environment or from key files, never from the TOML file.
"""

import tomllib
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from keyuan.kernel.errors import InputError

FILE_NAME = "keyuan.toml"
_SECRET = {"database_url", "database_owner_url", "chain_url", "smtp_password"}
_MAIL_ADDRESS = "sink, off, smtp://HOST[:PORT] or smtps://HOST[:PORT]"


class ConfigError(InputError):
    """The configuration is not valid."""


class Settings(BaseSettings):
    """All settings of one installation."""

    model_config = SettingsConfigDict(env_prefix="KEYUAN_", extra="forbid", frozen=True)

    data_dir: Path = Path(".keyuan")
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535, description="HTTP port; 0 takes a free one")
    tenant: int = Field(default=1, ge=1, description="tenant that commands work for")
    tenant_name: str = "Keyuan Market"
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_URL", "KEYUAN_DATABASE_URL")
    )
    database_owner_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("DATABASE_OWNER_URL", "KEYUAN_DATABASE_OWNER_URL")
    )
    chain: Literal["embedded", "json-rpc", "off"] = "embedded"
    chain_url: SecretStr | None = Field(default=None, description="address of a node; it may hold an access key")
    chain_id: int | None = Field(default=None, ge=1, lt=2**63)
    chain_finality_blocks: int = Field(default=12, ge=0, le=100_000, description="blocks that stand on a final one")
    chain_evm: Literal["paris", "cancun"] = Field(default="cancun", description="what the chain runs")
    epoch_movements: int = Field(default=10_000, ge=1, le=10_000)
    epoch_wait_s: float = Field(default=60.0, ge=0, le=86_400)

    lake: Literal["embedded", "off"] = "embedded"

    smtp: str = Field(default="sink", description=_MAIL_ADDRESS)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_password_file: Path | None = None
    smtp_ca_file: Path | None = None
    mail_from: str | None = Field(default=None, description="who letters come from: Corner Shop <offers@shop.example>")
    mail_unsubscribe: str | None = Field(
        default=None, description="an address where somebody reads; links work without"
    )
    public_url: str | None = Field(default=None, description="where customers reach this server; letters point there")

    @model_validator(mode="after")
    def _names_its_node(self) -> Self:
        if self.chain == "json-rpc" and (self.chain_url is None or self.chain_id is None):
            raise ValueError('chain = "json-rpc" needs chain_id, and KEYUAN_CHAIN_URL in the environment')
        return self

    @model_validator(mode="after")
    def _can_send_mail(self) -> Self:
        if self.public_url is not None and not _is_web_address(self.public_url):
            raise ValueError("public_url must be https://HOST[/PATH], or http:// for trying out")
        if self.smtp in {"sink", "off"}:
            return self
        if not _is_mail_server(self.smtp):
            raise ValueError(f"smtp must be {_MAIL_ADDRESS}; a name and password have settings of their own")
        if not self.mail_from or not (self.public_url or "").startswith("https://"):
            raise ValueError(f"smtp = {self.smtp!r} needs mail_from, and public_url with https://")
        if self.smtp_user is not None and self.mail_password() is None:
            raise ValueError("smtp_user needs KEYUAN_SMTP_PASSWORD in the environment, or smtp_password_file")
        return self

    def mail_password(self) -> str | None:
        """Return the password for the mail server, from the environment or from its file.

        Raises:
            ConfigError: the file cannot be read.
        """
        if self.smtp_password is not None:
            return self.smtp_password.get_secret_value()
        if self.smtp_password_file is None:
            return None
        try:
            return self.smtp_password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"smtp_password_file {self.smtp_password_file} cannot be read.") from None


def _is_mail_server(address: str) -> bool:
    try:
        parts = urlsplit(address)
        known = parts.scheme in {"smtp", "smtps"} and parts.hostname and parts.port != 0
    except ValueError:
        return False
    return bool(known) and not (parts.username or parts.password or parts.path.strip("/") or parts.query)


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)


def load_settings(data_dir: Path | None = None) -> Settings:
    """Return the settings for a data folder.

    Raises:
        ConfigError: all that is wrong, at once, with the name of each setting.
    """
    try:
        environment = Settings()
        values = _from_file((data_dir or environment.data_dir) / FILE_NAME)
        # The environment wins over the file: what it sets is taken out of the explicit arguments.
        explicit = {name: value for name, value in values.items() if name not in environment.model_fields_set}
        if data_dir is not None:
            explicit["data_dir"] = data_dir
        return Settings(**explicit)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"The configuration is not valid: {faults}.") from None


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    if secret := _SECRET & values.keys():
        raise ConfigError(f"{path} holds {', '.join(sorted(secret))}: secrets belong into the environment.")
    return values


def shown(settings: Settings) -> dict[str, Any]:
    """Return the settings for display, secrets masked."""
    return settings.model_dump(mode="json")
