"""Where the programs of a PostgreSQL server lie on this machine."""

from pathlib import Path

FOLDER = Path("/usr/lib/postgresql")
PRODUCTION = 15


def postgres_programs(folder: Path = FOLDER) -> Path:
    """Return the folder of production's major version, else of the newest one from 13 to 17 that is there."""
    there = {int(path.parent.parent.name): path.parent for path in folder.glob("1[3-7]/bin/postgres")}
    return there.get(PRODUCTION) or there.get(max(there, default=0)) or folder / str(PRODUCTION) / "bin"
