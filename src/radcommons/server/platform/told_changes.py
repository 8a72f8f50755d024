"""For migrations: triggers by which the database tells that contents of tables changed, whoever changes them (see :mod:`.change_watch`)."""

from django.db.migrations.operations import RunSQL


def contents_told(*tables: str) -> RunSQL:
    """An operation that has every statement told, on the channel of contents, that changes one of some tables."""
    made = (
        f"CREATE TRIGGER {table}_contents AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION radcommons_contents_changed();\n"
        for table in tables
    )
    return RunSQL("".join(made), "".join(f"DROP TRIGGER {table}_contents ON {table};\n" for table in tables))
