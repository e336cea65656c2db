"""Settings of a network without the engine and without decrypting anything."""

from pathlib import Path

from gx.settings.load import settings_from
from gx.settings.project import PROJECT, ROOT
from gx.settings.settings import Settings
from gx.settings.stackfile import read_stack


def offline_settings(stack: str, root: Path = ROOT) -> Settings:
    """Return the settings of a network; encrypted ones and import ids are left out.

    Raises:
        InputError: The stack is unknown or its file cannot be used.
    """
    config = read_stack(stack, root)
    clear = {key: value for key, value in config.values.items() if key not in config.secrets}
    values = {key.removeprefix(f"{PROJECT}:"): value for key, value in clear.items()}
    values["adopt"] = "false"  # import ids are for the engine, and need the encrypted settings
    return settings_from(stack, values, {}, root)
