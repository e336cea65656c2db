"""Serves the pack to the engine from the pack's own environment: what the Python language plugin does elsewhere.

Where that plugin is missing the engine runs `pulumi-analyzer-policy-python`, found on PATH. What the engine hands over,
and what the pack answers, is kept in the file that GX_HANDED_OVER names.
"""

import json
import os
import runpy
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from pulumi_policy import policy
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import _is_unknown

Servicer = policy._PolicyAnalyzerServicer  # noqa: SLF001 the pack's own server is looked at
served = Servicer.AnalyzeStack


def recorded(value: Any) -> Any:
    if isinstance(value, list):
        return [recorded(entry) for entry in value]
    if isinstance(value, dict):
        return {key: recorded(value[key]) for key in sorted(value)}
    return {"__unknown__": True} if _is_unknown(value) else value


def analyze_stack(servicer: Any, request: Any, context: Any) -> Any:
    answer = served(servicer, request, context)
    resources = [
        {
            "urn": one.urn,
            "type": one.type,
            "name": one.name,
            "parent": one.parent,
            "protect": one.options.protect,
            "props": recorded(deserialize_properties(json_format.MessageToDict(one.properties))),
        }
        for one in sorted(request.resources, key=lambda one: one.urn)
    ]
    said = [
        {"policy": one.policyName, "text": one.message, "mandatory": one.enforcementLevel == 1}
        for one in answer.diagnostics
    ]
    Path(os.environ["GX_HANDED_OVER"]).write_text(json.dumps({"resources": resources, "said": said}))
    return answer


Servicer.AnalyzeStack = analyze_stack
runpy.run_module("pulumi.policy", run_name="__main__", alter_sys=True)
