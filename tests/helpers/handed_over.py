"""What the program hands over to the policy pack: run as a module, it prints the outputs of that component as JSON."""

import json
import sys
from typing import Any

from gx.plan import recorder
from settings.project import ROOT


class Outputs(recorder.PlanRecorder):
    """A monitor that prints the outputs of one component."""

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 the protocol's
        """Print what was asked for, and go on."""
        if "::gx:policy:Context::" in request.urn:
            sys.stdout.write(json.dumps(recorder.struct_to_json(request.outputs)))
        return super().RegisterResourceOutputs(request)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


if __name__ == "__main__":
    recorder.PlanRecorder = Outputs
    recorder.run(sys.argv[1], ROOT, preview=True, unknown=False, progress=lambda _: None)
