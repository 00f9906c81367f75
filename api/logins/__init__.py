"""Who may write: tokens of programs, and the limit of wrong passwords."""
