"""What accountants see: the journal of money and the balances of customer accounts.

The rules for money are in `orders`.
"""
