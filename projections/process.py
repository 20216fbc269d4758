"""Where a process of a rebuild begins: nothing of Django may be imported here, which is not set up yet."""


def work(database: str, build_id: int, numbers: list[int]) -> None:
    """Fill these shards of a build, in the database of that name."""
    import django  # noqa: PLC0415 - see above

    django.setup()
    from django.db import connection  # noqa: PLC0415

    from projections.filling import fill_share  # noqa: PLC0415

    connection.settings_dict["NAME"] = database  # tests have one of their own, which no setting names
    fill_share(build_id, numbers)
