"""Settings that are read and not imported."""

INSTALLED_APPS = [
    "daphne",  # HM415
    "daphnes_own",  # not HM415
]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]  # not HM301
MIDDLEWARE += ["django.contrib.auth.middleware.PersistentRemoteUserMiddleware"]  # HM201
