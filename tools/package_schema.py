"""Writes the schema of the component package, as the SDK infers it, to package/schema.json; `--check` compares."""

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "package/schema.json"


def schema_text() -> str:
    """Return the schema of the package, as JSON."""
    spec = importlib.util.spec_from_file_location("gx_infra_package", ROOT / "package/__main__.py")
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    provider = package.Package(package.COMPONENTS, package.NAME, None, package.VERSION)
    return json.dumps(json.loads(provider.schema), indent=2) + "\n"


def main() -> int:
    """Write the file, or say whether it is current."""
    if "--check" not in sys.argv[1:]:
        FILE.write_text(schema_text(), encoding="utf-8")
        return 0
    if FILE.is_file() and FILE.read_text(encoding="utf-8") == schema_text():
        return 0
    sys.stderr.write("package/schema.json: does not match the components; fix: python -m tools.package_schema\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
