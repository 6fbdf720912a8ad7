"""Results -> what strangers read and check: submissions and the static site."""
