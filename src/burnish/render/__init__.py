"""Text to tokens and back: tokenizers, chat templates, loss masks, and the reading of a model's answers. No torch."""
