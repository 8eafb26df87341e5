"""Configuration: one TOML file plus the environment, read once at the start.

Order: environment (`KEYUAN_…`, and `DATABASE_URL`, `DATABASE_OWNER_URL`), then `keyuan.toml` in the data folder,
then the defaults below. Secrets come only from the environment or from key files, never from the TOML file.
"""

import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from keyuan.kernel.errors import InputError

FILE_NAME = "keyuan.toml"
_SECRET = {"database_url", "database_owner_url", "chain_url"}


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

    @model_validator(mode="after")
    def _names_its_node(self) -> Self:
        if self.chain == "json-rpc" and (self.chain_url is None or self.chain_id is None):
            raise ValueError('chain = "json-rpc" needs chain_id, and KEYUAN_CHAIN_URL in the environment')
        return self


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
