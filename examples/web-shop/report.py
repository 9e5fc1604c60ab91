"""What was sold so far."""

from service import ask

sold = ask("shop")
print(f"{sold['orders']} orders, {sold['total'] / 100:.2f} in all")
