import pytest


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    """A hash that takes no tenth of a second: these tests are about what comes before and after it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
