"""The admin pages that span apps: sidebar and front page, access, background work and its schedules."""

from f1site.admin import access, jobs, schedules, site

__all__ = ["access", "jobs", "schedules", "site"]
