"""Approvals: what people move by hand, up to a limit for each person, and beyond it with a second person.

`limits` counts what each person moved alone. An approval is a command that waits for a second person. `movements` says
what counts. `orders.http.approvals` sends a person's command, or stores it until it is approved.
"""
