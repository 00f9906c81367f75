"""The ml API over HTTP, by topic. Everybody may read; a login may create experiments and runs, and change its own."""
