"""The model: loading, the decoder, the adapter bank, losses, training, sampling. The only room that imports torch."""

import os

# Read by MKL when it is first used: with a number of threads that changes with load, products would round differently from
# run to run, and no seed could make two runs equal.
os.environ.setdefault("MKL_DYNAMIC", "FALSE")
