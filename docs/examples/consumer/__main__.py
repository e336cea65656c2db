"""A team that stores reports beside the voice messages: it reads where, never a password."""

import pulumi

network = pulumi.Config().require("network")
# On a state backend of one's own, the organization is always called "organization".
platform = pulumi.StackReference(f"organization/gx-infra/{network}")

contract = platform.require_output("contractVersion")
storage = platform.require_output("storage")
secrets = platform.require_output("secrets")
namespace = platform.require_output("namespace")


def known(version: float) -> int:
    """Stop when the contract is one that this program was not written for."""
    if version != 1:
        raise pulumi.RunError(f"gx-infra exports contract {version:g}; this program reads contract 1")
    return 1


pulumi.export("contract", contract.apply(known))
pulumi.export("bucket", storage.apply(lambda value: value["bucket"]))
pulumi.export("endpoint", storage.apply(lambda value: value["endpoint"]))
pulumi.export("redisSecret", pulumi.Output.concat(namespace, "/", secrets.apply(lambda value: value["redis"])))
