"""What `pulumi preview` and `pulumi up` run."""

from program import run

run()
