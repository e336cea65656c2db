"""Schema, countries and test users in a PostgreSQL that is not ours."""

from components.database.component import Database, DatabaseArgs, ServiceRoleArgs, TestUsersArgs

__all__ = ["Database", "DatabaseArgs", "ServiceRoleArgs", "TestUsersArgs"]
