"""The commands of an order. API bodies, admin forms, their checks and documentation are generated from them.

So a command's docstring and the help texts of its fields are shown to users. A field `by` is the actor who sends the
command; the API and the admin fill it in.
"""

from orders.commands.addresses import *
from orders.commands.cancelling import *
from orders.commands.editing import *
from orders.commands.holding import *
from orders.commands.notes import *
from orders.commands.paying import *
from orders.commands.placing import *
from orders.commands.refunding import *
from orders.commands.returning import *
from orders.commands.shipping import *

OrderCommand = (
    PlacingCommand
    | PayingCommand
    | ShippingCommand
    | CancellingCommand
    | RefundingCommand
    | ReturningCommand
    | EditingCommand
    | HoldingCommand
    | NoteCommand
    | AddressCommand
)
"""Every command that an order takes. Each file lists its own; `RestoreOrder` is decided by rules of its own."""
