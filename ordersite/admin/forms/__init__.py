"""The forms of commands: made from dataclasses, filled in from the order, checked against what changed since.

`command_form` and `rows_field` make the fields; `prefill` and `tracking` know orders; `form_views` and `order_forms`
show and send forms. `conflicts` and `kept_forms` keep them from overwriting anything and from losing what was typed.
"""
