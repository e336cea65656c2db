"""PolicyContext: what the policy pack must know and the engine does not show it, from the run that is checked."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi

from common.plan import POLICY_CONTEXT

Noted = dict[str, dict[str, object]]
"""By type and logical name of a resource: whether it is only read, is kept on deletion, and its import id."""


def note_options() -> Noted:
    """Return the options of all resources that are made from now on, as far as policies are not shown them.

    The mapping fills while the program runs; a resource with nothing to note is not in it.
    """
    noted: Noted = {}

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        options: dict[str, object] = {}
        if args.opts.retain_on_delete is not None:
            options["retain_on_delete"] = args.opts.retain_on_delete
        if args.opts.import_ is not None:
            options["import_id"] = args.opts.import_
        if args.opts.id is not None:
            options["read"] = True
        if options:
            noted[f"{args.type_}::{args.name}"] = options

    pulumi.runtime.register_stack_transformation(note)
    return noted


class PolicyContextArgs(TypedDict):
    """What is handed over."""

    context: Mapping[str, Any]
    """Of the network, from its settings."""
    options: Noted
    """What `note_options` has noted."""


class PolicyContext(pulumi.ComponentResource):
    """What stands in the settings and not in a resource: other networks, what lies outside, accepted exceptions.

    Token: gx:policy:Context. Creates nothing. Its outputs hold no secret; they are for the pack of the same
    revision (docs/adr/0020).
    """

    TOKEN = POLICY_CONTEXT

    def __init__(self, name: str, args: PolicyContextArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TOKEN, name, None, opts)
        self.register_outputs({**args["context"], "options": args["options"]})
