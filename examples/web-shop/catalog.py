"""The products and what each costs, in cents."""

import json
import os

from service import serve

PRODUCTS = json.loads(os.environ["PRODUCTS"])
serve(lambda path: {"products": PRODUCTS, "by": os.environ["POD"]})
