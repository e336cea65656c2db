"""What `pulumi preview` and `pulumi up` run: settings, program, outputs."""

import pulumi

from gx.errors import InputError
from gx.settings.load import load_settings
from program import build

try:
    outputs = build(load_settings())
except InputError as error:
    raise pulumi.RunError(str(error)) from None
for name, value in outputs.items():
    pulumi.export(name, value)
