"""Training of the shipped encoder `mini`, on pictures of made-up scenes alone."""
