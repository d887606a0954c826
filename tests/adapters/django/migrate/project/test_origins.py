"""Whose code a file is."""

import pytest

from hybrid.adapters.django.migrate.project.origins import Origins

PACKAGES = "/srv/shop/.venv/lib/python3.13/site-packages"


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/srv/shop/shop/views.py", True),
        (f"{PACKAGES}/rest_framework/views.py", False),
        (f"{PACKAGES}/shop/views.py", True),
        (f"{PACKAGES}/lib/shop/views.py", False),
        (f"{PACKAGES}/shop.py", True),
        ("/usr/lib/python3/dist-packages/django/views.py", False),
        ("<string>", False),
    ],
)
def test_files_of_the_project(file: str, own: bool) -> None:
    """The package of the settings is the project's, and what lies outside of site-packages; what is
    installed in an environment inside the directory of the project, which often has the name of the
    package, is not.
    """
    origins = Origins()
    origins.own("shop.settings")
    assert origins.is_own_file(file) is own


def test_apps_beside_the_settings() -> None:
    """All of the package of the settings is the project's, also where it puts itself on the path."""
    origins = Origins()
    origins.own("core.settings", f"{PACKAGES}/shop/core/settings.py")
    assert origins.is_own("users.views", f"{PACKAGES}/shop/users/views.py")
    assert not origins.is_own("rest_framework.views", f"{PACKAGES}/rest_framework/views.py")


def test_django_is_not_the_project() -> None:
    """Not even where its own settings are used."""
    origins = Origins()
    origins.own("django.conf.global_settings", f"{PACKAGES}/django/conf/global_settings.py")
    assert not origins.is_own_file(f"{PACKAGES}/django/views/generic/base.py")
