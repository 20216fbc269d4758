"""The commands of an order. API bodies, admin forms, their checks and documentation are generated from them.

So a command's docstring and the help texts of its fields are shown to users. A field `by` is the actor who sends the
command; the API and the admin fill it in.
"""

from orders.commands.addresses import ChangeAddress
from orders.commands.cancelling import CancelLines, CancelOrder, ExpireOrder, RestoreOrder
from orders.commands.editing import CommitEdit, DiscardEdit, EditOrder, StageEdit
from orders.commands.holding import HoldOrder, ReleaseOrder
from orders.commands.notes import AddNote
from orders.commands.paying import (
    AuthorisePayment,
    CapturePayment,
    PayFromAccount,
    PayOrder,
    RecordPaymentFailure,
    VoidPayment,
    WriteOff,
)
from orders.commands.placing import CreateOrder, NewDiscount, NewLine, NewShipping
from orders.commands.refunding import (
    ApproveRefund,
    DeclineRefund,
    FailRefund,
    RefundWish,
    RequestRefund,
    RetryRefund,
    SettleRefund,
)
from orders.commands.returning import ApproveReturn, DeclineReturn, ReceiveReturn, RequestReturn
from orders.commands.shipping import ConfirmDelivery, ShipLines, ShipOrder

OrderCommand = (
    CreateOrder
    | PayOrder
    | ShipOrder
    | CancelOrder
    | ExpireOrder
    | AuthorisePayment
    | PayFromAccount
    | CapturePayment
    | VoidPayment
    | RecordPaymentFailure
    | WriteOff
    | ShipLines
    | ConfirmDelivery
    | CancelLines
    | RequestRefund
    | ApproveRefund
    | DeclineRefund
    | SettleRefund
    | FailRefund
    | RetryRefund
    | RequestReturn
    | ApproveReturn
    | DeclineReturn
    | ReceiveReturn
    | EditOrder
    | StageEdit
    | CommitEdit
    | DiscardEdit
    | HoldOrder
    | ReleaseOrder
    | AddNote
    | ChangeAddress
)

__all__ = [
    "AddNote",
    "ApproveRefund",
    "ApproveReturn",
    "AuthorisePayment",
    "CancelLines",
    "CancelOrder",
    "CapturePayment",
    "ChangeAddress",
    "CommitEdit",
    "ConfirmDelivery",
    "CreateOrder",
    "DeclineRefund",
    "DeclineReturn",
    "DiscardEdit",
    "EditOrder",
    "ExpireOrder",
    "FailRefund",
    "HoldOrder",
    "NewDiscount",
    "NewLine",
    "NewShipping",
    "OrderCommand",
    "PayFromAccount",
    "PayOrder",
    "ReceiveReturn",
    "RecordPaymentFailure",
    "RefundWish",
    "ReleaseOrder",
    "RequestRefund",
    "RequestReturn",
    "RestoreOrder",
    "RetryRefund",
    "SettleRefund",
    "ShipLines",
    "ShipOrder",
    "StageEdit",
    "VoidPayment",
    "WriteOff",
]
