"""The JSON schema by which an editor checks and completes stack files."""

import json
from typing import Any

from catalogue.secrets import ENCRYPTED
from settings.model import StackFile
from settings.project import PROJECT, declared_keys

SCHEMA_FILE = "docs/stack-file.schema.json"


def stack_file_schema() -> dict[str, Any]:
    """Return the schema of `Pulumi.<stack>.yaml`; descriptions come from Pulumi.yaml."""
    model = StackFile.model_json_schema(by_alias=True)
    declared = declared_keys()
    properties: dict[str, Any] = {}
    for key, schema in model["properties"].items():
        shape = schema
        if schema.get("type") in {"integer", "boolean"}:  # `pulumi config set` writes every scalar back as text
            shape = {"anyOf": [schema, {"type": "string", "pattern": r"^(\d+|true|false)$"}]}
        properties[f"{PROJECT}:{key}"] = {**shape, "description": declared[key]["description"]}
    for key in ENCRYPTED:
        properties[f"{PROJECT}:{key}"] = {
            "type": "object",
            "description": f"Encrypted: pulumi config set --secret {key}",
            "properties": {"secure": {"type": "string"}},
            "required": ["secure"],
            "additionalProperties": False,
        }
    live = {"clusterUid"}  # set before the first real run, absent in a fresh clone
    optional = live | {key for key, entry in declared.items() if "default" in entry}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack file of gx-infra",
        "type": "object",
        "properties": {
            "encryptionsalt": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "config": {
                "type": "object",
                "properties": properties,
                "required": sorted(f"{PROJECT}:{key}" for key in model["properties"] if key not in optional),
                "additionalProperties": False,
            },
        },
        "required": ["config"],
        "$defs": model["$defs"],
    }


def schema_text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(stack_file_schema(), indent=2) + "\n"
