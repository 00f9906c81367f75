"""Background work: jobs are rows of the database, and a message broker only tells the workers that there are new ones."""
