"""One settings model: defaults < settings file < environment (PUNCHIN_*) < flags."""

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_config_path, user_data_path, user_state_path
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from engine.errors import CannotStart

DEFAULT_PORT = 17862
SETTINGS_FILE = user_config_path("punchin", appauthor=False) / "punchin.toml"


class Settings(BaseSettings):
    """What a user may set. Every field is a key of the settings file, PUNCHIN_<NAME>, and a flag."""

    model_config = SettingsConfigDict(env_prefix="PUNCHIN_", toml_file=SETTINGS_FILE, extra="forbid", frozen=True)

    state: Annotated[Path, Field(description="folder that holds jobs, clips and logs")] = user_state_path(
        "punchin", appauthor=False
    )
    models: Annotated[Path, Field(description="folder that holds the models of neural engines")] = (
        user_data_path("punchin", appauthor=False) / "models"
    )
    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="OSC port; 0 takes a free one")] = DEFAULT_PORT
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="how much is logged")] = "INFO"
    idle_minutes: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False, description="without a job, before an engine's memory is freed; 0: never"),
    ] = 10.0
    audio_device: Annotated[
        str, Field(description="number, name or part of the name of the device that plays takes")
    ] = ""
    audio_buffer: Annotated[
        float, Field(ge=0, le=2000, allow_inf_nan=False, description="milliseconds; 0: what the device calls safe")
    ] = 0.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def address_file(self) -> Path:
        """Where a running daemon says how it is reached."""
        return self.state / "daemon.json"


def load(**flags: object) -> Settings:
    """Settings with the flags that were given; raises CannotStart with the setting that is wrong."""
    try:
        given = {name: value for name, value in flags.items() if value is not None}
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic checks what the environment and the user gave
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}, {detail['input']!r} came"
            for detail in error.errors()
        )
        raise CannotStart(f"settings: {wrong} (in flags, PUNCHIN_* variables or {SETTINGS_FILE})") from None
    except ValueError as error:
        raise CannotStart(f"{SETTINGS_FILE} cannot be read: {error}") from None
    folders = {name: getattr(settings, name).expanduser().absolute() for name in ("state", "models")}
    return settings.model_copy(update=folders)
