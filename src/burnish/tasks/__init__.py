"""What is asked and how it is graded: data files to Examples, held-out splits, data checks and graders. No torch."""
