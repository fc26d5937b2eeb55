"""The model: loading, the decoder, the adapter bank, losses, training, sampling. The only room that imports torch."""
