"""Emulator of the provider `random`: passwords, for tests and the local cluster only."""

import secrets
import string
from importlib import metadata

from tools.plugins.protocol import Changes, Found, Plugin, ProtocolSecret, ProviderRefusalError, Target, Values, serve

PASSWORD = "random:index/randomPassword:RandomPassword"
DEFAULT_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
DEFAULTS: Values = {"lower": True, "upper": True, "numeric": True, "special": True}


class RandomPlugin(Plugin):
    """RandomPassword: every change of an input makes a new value, as with the real one; no bcrypt hash."""

    VERSION = metadata.version("pulumi-random")

    def configure(self, config: Values) -> None:
        """Take nothing: there is nothing to set."""

    def check(self, target: Target) -> Values:
        """Fill in the defaults."""
        if target.token != PASSWORD:
            raise ProviderRefusalError(f"the emulator of the provider random knows no {target.token}")
        return {**DEFAULTS, **target.inputs}

    def diff(self, target: Target) -> Changes:
        """Compare by input; the result itself is never compared."""
        keys = target.old_inputs.keys() | target.inputs.keys()
        changed = {key: "update" for key in keys if target.old_inputs.get(key) != target.inputs.get(key)}
        return Changes(fields=changed, replaces=tuple(changed))

    def create(self, target: Target) -> tuple[str, Values]:
        """Draw a password."""
        if target.preview:
            return "", target.inputs
        groups = {
            "lower": string.ascii_lowercase,
            "upper": string.ascii_uppercase,
            "numeric": string.digits,
            "special": target.inputs.get("overrideSpecial") or DEFAULT_SPECIAL,
        }
        alphabet = "".join(letters for group, letters in groups.items() if target.inputs.get(group))
        result = "".join(secrets.choice(alphabet) for _ in range(int(target.inputs["length"])))
        return "none", {**target.inputs, "result": ProtocolSecret(result)}

    def read(self, target: Target) -> Found | None:
        """Return the state; an import's id is the value itself."""
        state = target.old_state
        if state:
            return Found(
                identifier=target.identifier,
                properties={**state, "result": ProtocolSecret(state["result"])},
                inputs=target.old_inputs,
            )
        inputs = {**DEFAULTS, "length": len(target.identifier)}
        return Found(
            identifier="none", properties={**inputs, "result": ProtocolSecret(target.identifier)}, inputs=inputs
        )

    def update(self, target: Target) -> Values:
        """Refuse: every change is a replacement."""
        raise ProviderRefusalError(f"{target.name}: a password is replaced, never changed")

    def delete(self, target: Target) -> None:
        """Forget it."""


if __name__ == "__main__":
    serve(RandomPlugin())
