"""Which files of a project are read."""

from pathlib import Path

from hybrid.adapters.django.migrate.gather import read_project
from hybrid.adapters.django.migrate.project.facts import Facts, Failure


def test_an_installed_project_that_does_not_import(tmp_path: Path) -> None:
    """What is read is its package, and not all that is installed beside it, where BASE_DIR is the directory
    of packages.
    """
    installed = tmp_path / "lib/site-packages"
    for name in ("shop", "shop/orders", "rest_framework"):
        (installed / name).mkdir(parents=True)
        (installed / name / "__init__.py").touch()
    facts = Facts(
        settings_module="shop.settings", base_dir=str(installed), failures=(Failure("urlconf", "ValueError"),)
    )
    names = [each.name for each in read_project(facts, []).modules]
    assert names == ["shop", "shop.orders"]
