"""`manage.py sync_roles`: compare the groups with what this version suggests, and change them when told to."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventstore.management.base import SafeCommand
from ordersite import roles


class Command(SafeCommand):
    """Show how each group differs from the suggested permissions. An option says what to change."""

    help = "Show how the groups differ from what this version suggests. Changes nothing without an option."

    def add_arguments(self, parser: CommandParser) -> None:
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--add", action="store_true", help="Give each group the permissions that are new.")
        one.add_argument("--decline", action="store_true", help="Leave the groups as they are; tell no more about it.")
        one.add_argument("--reset", metavar="GROUP", help="Give the group exactly the suggested permissions.")

    def handle(self, *, add: bool, decline: bool, reset: str | None, **options: Any) -> None:
        if add:
            roles.add_new_permissions()
        elif decline:
            for role, codenames in roles.new_permissions().items():
                roles.remember(role, codenames)
        elif reset is not None:
            self._reset(reset)
        new = roles.new_permissions()
        for role, (lacking, more) in roles.differences().items():
            told = {"new": new.get(role, []), "lacks": sorted(set(lacking) - set(new.get(role, []))), "more": more}
            words = [f"{word} {', '.join(names)}" for word, names in told.items() if names]
            self.stdout.write(f"{role}: {'; '.join(words) or 'as suggested'}")

    def _reset(self, role: str) -> None:
        try:
            roles.reset(role)
        except KeyError:
            names = ", ".join(roles.differences())
            raise CommandError(f"this version suggests no group called {role!r}; it suggests {names}") from None
