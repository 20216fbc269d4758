"""What accountants see: the journal of money and the balances of customer accounts.

The rules of money are in `orders`.
"""
