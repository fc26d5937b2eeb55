"""burnish: bring a base model and a task, get back a measured, post-trained model.

Importing this package imports nothing else; each room is imported by name (`from burnish import runs`).
"""

__version__ = "0.1.0"
