"""A recording -> who said which word, when."""
