"""Background work: what is to be done is a row, a broker only tells the workers to look."""
