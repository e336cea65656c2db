"""Settings of a network without the engine and without decrypting anything."""

from pathlib import Path

from common.errors import InputError
from settings.load import settings_from
from settings.overlay import overlay
from settings.project import PROJECT, ROOT, local_file, stack_file
from settings.settings import Settings
from settings.stackfile import read_stack


def offline_settings(
    stack: str, root: Path = ROOT, *, adopting: bool = True, local: bool = False, gated: bool = True
) -> Settings:
    """Return the settings of a network; encrypted ones are left out.

    Args:
        stack: The network.
        root: The project's folder.
        local: Whether with what differs on one machine (`networks/<network>/local.yaml`).
        adopting: Whether its import ids apply as its `adopt` says; they need the encrypted settings.
        gated: Whether the gate between networks counts (docs/promotion.md).

    Raises:
        InputError: The stack is unknown or its file cannot be used.
    """
    config = read_stack(stack, root, local=local)
    clear = {key: value for key, value in config.values.items() if key not in config.secrets}
    values = {key.removeprefix(f"{PROJECT}:"): value for key, value in clear.items()}
    try:
        return settings_from(stack, values, {}, root, adopting=adopting, gated=gated)
    except InputError as error:
        laid_over = tuple(overlay(stack, root)) if local else ()
        if error.file == stack_file(stack) and error.key.startswith(laid_over):
            raise error.moved(local_file(stack)) from None
        raise
