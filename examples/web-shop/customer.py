"""One customer of several: which one, its index says."""

import os

from service import ask

index = int(os.environ["JOB_COMPLETION_INDEX"])
product = ["pen", "book", "lamp"][index % 3]
print(ask("shop", {"product": product, "count": index + 1}))
